type Claims = {[string]: any}

return nil :: {
    constant_time_compare: (a: string, b: string) -> boolean,
    decrypt: {
        aes: (data: string, key: string, aad?: string) -> (string, error?),
        chacha20: (data: string, key: string, aad?: string) -> (string, error?),
    },
    encrypt: {
        aes: (data: string, key: string, aad?: string) -> (string, error?),
        chacha20: (data: string, key: string, aad?: string) -> (string, error?),
    },
    hmac: {
        sha256: (key: string, data: string) -> (string, error?),
        sha512: (key: string, data: string) -> (string, error?),
    },
    jwt: {
        encode: (claims: Claims, key: string, alg?: string) -> (string, error?),
        verify: (token: string, key: string, alg?: string, require_exp?: boolean) -> (Claims, error?),
    },
    pbkdf2: (password: string, salt: string, iterations: integer, length: integer, hash?: string) -> (string, error?),
    random: {
        bytes: (n: integer) -> (string, error?),
        string: (n: integer, charset?: string) -> (string, error?),
        uuid: () -> (string, error?),
    },
}
