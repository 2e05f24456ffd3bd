return nil :: {
    get: (key: string) -> (string, error?),
    get_all: () -> ({[string]: string}, error?),
    set: (key: string, value: string) -> (boolean, error?),
}
