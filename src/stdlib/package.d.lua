return nil :: {
    config: string,
    cpath: string,
    loaded: {[any]: any},
    loadlib: (path: string, name: string) -> (any, string?, string?),
    path: string,
    preload: {[any]: any},
    searchers: {any},
    searchpath: (name: string, path: string, separator?: string, replacement?: string) -> (string?, string?),
}
