return nil :: {
    char: (...integer) -> string,
    charpattern: string,
    codepoint: (s: string, first?: integer, last?: integer) -> ...integer,
    codes: (s: string) -> (any, any, any),
    len: (s: string, first?: integer, last?: integer) -> (integer?, integer?),
    offset: (s: string, n: integer, init?: integer) -> integer?,
}
