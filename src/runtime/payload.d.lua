export type Payload = userdata @opaque("payload") & {
    data: (self: Payload) -> any,
    get_format: (self: Payload) -> string,
    transcode: (self: Payload, format: string) -> (Payload, error?),
    unmarshal: (self: Payload) -> any,
}

return nil :: {
    format: {
        BYTES: string,
        ERROR: string,
        GOLANG: string,
        JSON: string,
        LUA: string,
        MSGPACK: string,
        STRING: string,
        YAML: string,
    },
    new: (value: any) -> Payload,
}
