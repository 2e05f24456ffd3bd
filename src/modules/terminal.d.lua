return nil :: {
    args: () -> ({string}, error?),
    eprint: (...any) -> (boolean, error?),
    flush: () -> (boolean, error?),
    print: (...any) -> (boolean, error?),
    raw: (on?: boolean) -> (boolean, error?),
    read: (size?: integer) -> (string, error?),
    readline: () -> (string, error?),
    write: (...any) -> (boolean, error?),
}
