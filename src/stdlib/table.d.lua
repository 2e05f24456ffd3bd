return nil :: {
    concat: (list: table, separator?: string, first?: integer, last?: integer) -> string,
    create: (items?: integer, fields?: integer) -> any,
    freeze: <T>(t: T) -> T,
    insert: (list: table, position: any, value?: any) -> (),
    isfrozen: (t: table) -> boolean,
    move: (from: table, first: integer, last: integer, to: integer, into?: table) -> table,
    pack: (...any) -> {n: integer, [integer]: any},
    remove: <T>(list: {T}, position?: integer) -> T?,
    sort: <T>(list: {T}, less?: (a: T, b: T) -> any) -> (),
    unpack: (list: any, first?: integer, last?: integer) -> ...any,
}
