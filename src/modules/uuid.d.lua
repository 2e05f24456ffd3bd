export type Parts = {version: integer, variant: string, timestamp: integer?, node: string?}

return nil :: {
    format: (id: string, style: string) -> (string, error?),
    parse: (id: string) -> (Parts, error?),
    v1: () -> (string, error?),
    v3: (namespace: string, name: string) -> (string, error?),
    v4: () -> (string, error?),
    v5: (namespace: string, name: string) -> (string, error?),
    v7: () -> (string, error?),
    validate: (id?: any) -> boolean,
    variant: (id: string) -> (string, error?),
    version: (id: string) -> (integer, error?),
}
