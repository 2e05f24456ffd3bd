return nil :: {
    decode: (text: string) -> (string, error?),
    encode: (bytes: string) -> (string, error?),
}
