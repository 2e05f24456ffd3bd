export type Set = userdata @opaque("template.Set") & {
    release: (self: Set) -> boolean,
    render: (self: Set, name: string, data?: {[string]: any}) -> (string, error?),
}

return nil :: {
    get: (id: string) -> (Set, error?),
}
