export type Item = {key: string, value: any, version: string}
export type Page = {items: {Item}, cursor: string?, has_more: boolean}
export type PutOptions = {ttl: any, only_if_absent: boolean?, if_version: string?}
export type ListOptions = {prefix: string?, after: string?, limit: integer?}
export type Info = {
    id: string, backend: string, consistency: string, durable: boolean, list: boolean, versioned: boolean,
    conditional_put: boolean, ttl: boolean,
}
export type Store = userdata @opaque("store.Store") & {
    delete: (self: Store, key: string) -> (boolean, error?),
    entry: (self: Store, key: string) -> (Item, error?),
    get: (self: Store, key: string) -> (any, error?),
    has: (self: Store, key: string) -> (boolean, error?),
    info: (self: Store) -> (Info, error?),
    list: (self: Store, options?: ListOptions) -> (Page, error?),
    put: (self: Store, key: string, value: any, options?: PutOptions) -> (Item, error?),
    release: (self: Store) -> boolean,
    set: (self: Store, key: string, value: any, ttl?: any) -> (boolean, error?),
}

return nil :: {
    backend: {KV_CRDT: string, KV_RAFT: string, MEMORY: string, SQL: string, UNKNOWN: string},
    consistency: {EVENTUAL: string, LINEARIZABLE: string, LOCAL: string, UNKNOWN: string},
    get: (id: string) -> (Store, error?),
}
