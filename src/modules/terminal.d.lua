return nil :: {
    eprint: (...any) -> (boolean, error?),
    flush: () -> (boolean, error?),
    print: (...any) -> (boolean, error?),
    read: (size?: integer) -> (string, error?),
    readline: () -> (string, error?),
    write: (...any) -> (boolean, error?),
}
