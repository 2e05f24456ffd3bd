export type Entry = {id: string, kind: string, meta: any, data: any}
export type Op = {kind: string, entry: any}
export type Version = userdata @opaque("registry.Version") & {
    id: (self: Version) -> integer,
    next: (self: Version) -> (Version?, error?),
    previous: (self: Version) -> (Version?, error?),
    string: (self: Version) -> string,
}
export type Changes = userdata @opaque("registry.Changes") & {
    apply: (self: Changes) -> (Version, error?),
    create: (self: Changes, entry: table) -> Changes,
    delete: (self: Changes, id: string) -> Changes,
    ops: (self: Changes) -> ({Op}, error?),
    update: (self: Changes, entry: table) -> Changes,
}
export type Snapshot = userdata @opaque("registry.Snapshot") & {
    changes: (self: Snapshot) -> Changes,
    entries: (self: Snapshot) -> ({Entry}, error?),
    find: (self: Snapshot, filter: table) -> ({Entry}, error?),
    get: (self: Snapshot, id: string) -> (Entry, error?),
    namespace: (self: Snapshot, name: string) -> ({Entry}, error?),
    version: (self: Snapshot) -> (Version, error?),
}
export type History = userdata @opaque("registry.History") & {
    get_version: (self: History, version: integer | Version) -> (Version, error?),
    snapshot_at: (self: History, version: integer | Version) -> (Snapshot, error?),
    versions: (self: History) -> ({Version}, error?),
}

return nil :: {
    apply_version: (version: integer | Version) -> (Version, error?),
    build_delta: (from: integer | Version, to: integer | Version) -> ({Op}, error?),
    current_version: () -> (Version, error?),
    find: (filter: table) -> ({Entry}, error?),
    get: (id: string) -> (Entry, error?),
    history: () -> (History, error?),
    parse_id: (id: string) -> {ns: string, name: string},
    snapshot: () -> (Snapshot, error?),
    snapshot_at: (version: integer | Version) -> (Snapshot, error?),
    versions: () -> ({Version}, error?),
}
