return nil :: {
    all: () -> ({[string]: any}, error?),
    get: (key: string) -> (any, error?),
}
