export type Scanner = userdata @opaque("stream.Scanner") & {
    err: (self: Scanner) -> string?,
    scan: (self: Scanner) -> (boolean, error?),
    text: (self: Scanner) -> string,
}
export type Stat = {size: integer, position: integer, readable: boolean, writable: boolean, seekable: boolean}
export type Stream = userdata @opaque("stream.Stream") & {
    close: (self: Stream) -> (boolean, error?),
    flush: (self: Stream) -> (boolean, error?),
    read: (self: Stream, n?: integer) -> (string?, error?),
    scanner: (self: Stream, split?: string) -> (Scanner, error?),
    seek: (self: Stream, whence?: string, offset?: integer) -> (integer, error?),
    stat: (self: Stream) -> (Stat, error?),
    write: (self: Stream, data: string) -> (integer, error?),
}
export type Response = {
    status_code: integer,
    headers: {[string]: string},
    cookies: {[string]: string},
    url: string,
    body?: string,
    body_size: integer,
    stream?: Stream,
}
export type File = {name: string, filename?: string, content?: string, reader?: Stream | fs.File, content_type?: string}
export type Tls = {cert?: string, key?: string, ca?: string, server_name?: string, insecure_skip_verify?: boolean}
export type Options = {
    headers?: table,
    body?: string,
    query?: table,
    form?: table,
    files?: {File},
    cookies?: table,
    auth?: {user: string, pass: string},
    timeout?: any,
    stream?: boolean,
    max_response_body?: integer,
    unix_socket?: string,
    tls?: Tls,
    overlay_network?: string,
}
export type Request = {method: string, url: string, options?: Options}

return nil :: {
    decode_uri: (text: string) -> (string, error?),
    delete: (url: string, options?: Options) -> (Response, error?),
    encode_uri: (text: string) -> string,
    get: (url: string, options?: Options) -> (Response, error?),
    head: (url: string, options?: Options) -> (Response, error?),
    patch: (url: string, options?: Options) -> (Response, error?),
    post: (url: string, options?: Options) -> (Response, error?),
    put: (url: string, options?: Options) -> (Response, error?),
    request: (method: string, url: string, options?: Options) -> (Response, error?),
    request_batch: (requests: {Request}) -> (any, any),
}
