type EncodeOptions = {level: integer?}
type DecodeOptions = {max_size: integer?}
type ZstdEncodeOptions = {level: integer?, dict: string?}
type ZstdDecodeOptions = {max_size: integer?, dict: string?}
type TrainOptions = {size: integer?, id: integer?, level: integer?}

return nil :: {
    brotli: {
        decode: (data: string, options?: DecodeOptions) -> (string, error?),
        encode: (data: string, options?: EncodeOptions) -> (string, error?),
    },
    deflate: {
        decode: (data: string, options?: DecodeOptions) -> (string, error?),
        encode: (data: string, options?: EncodeOptions) -> (string, error?),
    },
    gzip: {
        decode: (data: string, options?: DecodeOptions) -> (string, error?),
        encode: (data: string, options?: EncodeOptions) -> (string, error?),
    },
    zlib: {
        decode: (data: string, options?: DecodeOptions) -> (string, error?),
        encode: (data: string, options?: EncodeOptions) -> (string, error?),
    },
    zstd: {
        decode: (data: string, options?: ZstdDecodeOptions) -> (string, error?),
        encode: (data: string, options?: ZstdEncodeOptions) -> (string, error?),
        inspect_dict: (dictionary: string) -> ({id: integer, content_size: integer}, error?),
        train_dict: (samples: {string}, options?: TrainOptions) -> (string, error?),
    },
}
