export type Row = {[string]: any}
export type Effect = {last_insert_id: integer, rows_affected: integer}
export type Begin = {isolation?: string, read_only?: boolean}
export type Stats = {
    max_open_connections: integer,
    open_connections: integer,
    in_use: integer,
    idle: integer,
    wait_count: integer,
    wait_duration: string,
    max_idle_closed: integer,
    max_idle_time_closed: integer,
    max_lifetime_closed: integer,
}
export type Statement = userdata @opaque("sql.Statement") & {
    close: (self: Statement) -> (boolean, error?),
    execute: (self: Statement, params?: table) -> (Effect, error?),
    query: (self: Statement, params?: table) -> ({Row}, error?),
}
export type Transaction = userdata @opaque("sql.Transaction") & {
    commit: (self: Transaction) -> (boolean, error?),
    db_type: (self: Transaction) -> (string, error?),
    execute: (self: Transaction, text: string, params?: table) -> (Effect, error?),
    prepare: (self: Transaction, text: string) -> (Statement, error?),
    query: (self: Transaction, text: string, params?: table) -> ({Row}, error?),
    release: (self: Transaction, name: string) -> (boolean, error?),
    rollback: (self: Transaction) -> (boolean, error?),
    rollback_to: (self: Transaction, name: string) -> (boolean, error?),
    savepoint: (self: Transaction, name: string) -> (boolean, error?),
}
export type DB = userdata @opaque("sql.DB") & {
    begin: (self: DB, options?: Begin) -> (Transaction, error?),
    execute: (self: DB, text: string, params?: table) -> (Effect, error?),
    prepare: (self: DB, text: string) -> (Statement, error?),
    query: (self: DB, text: string, params?: table) -> ({Row}, error?),
    release: (self: DB) -> (boolean, error?),
    stats: (self: DB) -> (Stats, error?),
    type: (self: DB) -> (string, error?),
}
export type Executor = userdata @opaque("sql.Executor") & {
    exec: (self: Executor) -> (Effect, error?),
    query: (self: Executor) -> ({Row}, error?),
    to_sql: (self: Executor) -> (string, any),
}
export type Sqlizer = userdata @opaque("sql.Sqlizer") & {
    to_sql: (self: Sqlizer) -> (string, any),
}
export type SelectBuilder = userdata @opaque("sql.SelectBuilder") & {
    columns: (self: SelectBuilder, ...string) -> SelectBuilder,
    distinct: (self: SelectBuilder) -> SelectBuilder,
    from: (self: SelectBuilder, source: string) -> SelectBuilder,
    group_by: (self: SelectBuilder, ...string) -> SelectBuilder,
    having: (self: SelectBuilder, condition: any, ...any) -> SelectBuilder,
    inner_join: (self: SelectBuilder, clause: string, ...any) -> SelectBuilder,
    join: (self: SelectBuilder, clause: string, ...any) -> SelectBuilder,
    left_join: (self: SelectBuilder, clause: string, ...any) -> SelectBuilder,
    limit: (self: SelectBuilder, n: integer) -> SelectBuilder,
    offset: (self: SelectBuilder, n: integer) -> SelectBuilder,
    order_by: (self: SelectBuilder, ...string) -> SelectBuilder,
    placeholder_format: (self: SelectBuilder, format: string) -> SelectBuilder,
    right_join: (self: SelectBuilder, clause: string, ...any) -> SelectBuilder,
    run_with: (self: SelectBuilder, handle: DB | Transaction) -> (Executor, error?),
    suffix: (self: SelectBuilder, text: string, ...any) -> SelectBuilder,
    to_sql: (self: SelectBuilder) -> (string, any),
    where: (self: SelectBuilder, condition: any, ...any) -> SelectBuilder,
}
export type InsertBuilder = userdata @opaque("sql.InsertBuilder") & {
    columns: (self: InsertBuilder, ...string) -> InsertBuilder,
    into: (self: InsertBuilder, target: string) -> InsertBuilder,
    options: (self: InsertBuilder, ...string) -> InsertBuilder,
    placeholder_format: (self: InsertBuilder, format: string) -> InsertBuilder,
    prefix: (self: InsertBuilder, text: string, ...any) -> InsertBuilder,
    run_with: (self: InsertBuilder, handle: DB | Transaction) -> (Executor, error?),
    select: (self: InsertBuilder, select: SelectBuilder) -> InsertBuilder,
    set_map: (self: InsertBuilder, map: table) -> InsertBuilder,
    suffix: (self: InsertBuilder, text: string, ...any) -> InsertBuilder,
    to_sql: (self: InsertBuilder) -> (string, any),
    values: (self: InsertBuilder, ...any) -> InsertBuilder,
}
export type UpdateBuilder = userdata @opaque("sql.UpdateBuilder") & {
    from: (self: UpdateBuilder, source: string) -> UpdateBuilder,
    from_select: (self: UpdateBuilder, select: SelectBuilder, alias: string) -> UpdateBuilder,
    limit: (self: UpdateBuilder, n: integer) -> UpdateBuilder,
    offset: (self: UpdateBuilder, n: integer) -> UpdateBuilder,
    order_by: (self: UpdateBuilder, ...string) -> UpdateBuilder,
    placeholder_format: (self: UpdateBuilder, format: string) -> UpdateBuilder,
    run_with: (self: UpdateBuilder, handle: DB | Transaction) -> (Executor, error?),
    set: (self: UpdateBuilder, column: string, value: any) -> UpdateBuilder,
    set_map: (self: UpdateBuilder, map: table) -> UpdateBuilder,
    suffix: (self: UpdateBuilder, text: string, ...any) -> UpdateBuilder,
    table: (self: UpdateBuilder, target: string) -> UpdateBuilder,
    to_sql: (self: UpdateBuilder) -> (string, any),
    where: (self: UpdateBuilder, condition: any, ...any) -> UpdateBuilder,
}
export type DeleteBuilder = userdata @opaque("sql.DeleteBuilder") & {
    from: (self: DeleteBuilder, source: string) -> DeleteBuilder,
    limit: (self: DeleteBuilder, n: integer) -> DeleteBuilder,
    offset: (self: DeleteBuilder, n: integer) -> DeleteBuilder,
    order_by: (self: DeleteBuilder, ...string) -> DeleteBuilder,
    placeholder_format: (self: DeleteBuilder, format: string) -> DeleteBuilder,
    run_with: (self: DeleteBuilder, handle: DB | Transaction) -> (Executor, error?),
    suffix: (self: DeleteBuilder, text: string, ...any) -> DeleteBuilder,
    to_sql: (self: DeleteBuilder) -> (string, any),
    where: (self: DeleteBuilder, condition: any, ...any) -> DeleteBuilder,
}

return nil :: {
    NULL: userdata,
    as: {
        binary: (value: any) -> any,
        float: (value: any) -> number,
        int: (value: any) -> integer,
        null: () -> userdata,
        text: (value: any) -> string,
    },
    builder: {
        and_: (list: table) -> Sqlizer,
        at: string,
        colon: string,
        default_placeholder: string,
        delete: (target?: string) -> DeleteBuilder,
        dollar: string,
        eq: (map: table) -> Sqlizer,
        expr: (text: string, ...any) -> Sqlizer,
        gt: (map: table) -> Sqlizer,
        gte: (map: table) -> Sqlizer,
        insert: (target?: string) -> InsertBuilder,
        like: (map: table) -> Sqlizer,
        lt: (map: table) -> Sqlizer,
        lte: (map: table) -> Sqlizer,
        not_eq: (map: table) -> Sqlizer,
        not_like: (map: table) -> Sqlizer,
        or_: (list: table) -> Sqlizer,
        question: string,
        select: (...string) -> SelectBuilder,
        update: (target?: string) -> UpdateBuilder,
    },
    get: (id: string) -> (DB, error?),
    isolation: {
        DEFAULT: string,
        READ_COMMITTED: string,
        READ_UNCOMMITTED: string,
        REPEATABLE_READ: string,
        SERIALIZABLE: string,
        WRITE_COMMITTED: string,
    },
    type: {MYSQL: string, POSTGRES: string, SQLITE: string, UNKNOWN: string},
}
