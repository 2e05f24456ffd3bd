export type Message = {type: string, data: string}
export type Client = userdata @opaque("websocket.Client") & {
    channel: (self: Client) -> (channel.Channel, error?),
    close: (self: Client, code?: integer, reason?: string) -> (boolean, error?),
    ping: (self: Client) -> (boolean, error?),
    receive: (self: Client) -> (channel.Channel, error?),
    send: (self: Client, data: string, type?: integer | string) -> (boolean, error?),
}
export type Options = {
    headers?: table,
    protocols?: {string},
    dial_timeout?: any,
    read_timeout?: any,
    write_timeout?: any,
    compression?: integer,
    compression_threshold?: integer,
    read_limit?: integer,
    channel_capacity?: integer,
    tls?: http_client.Tls,
}

return nil :: {
    BINARY: integer,
    CLOSE_CODES: {
        ABNORMAL_CLOSURE: integer,
        BAD_GATEWAY: integer,
        GOING_AWAY: integer,
        INTERNAL_ERROR: integer,
        INVALID_PAYLOAD: integer,
        MANDATORY_EXTENSION: integer,
        MESSAGE_TOO_BIG: integer,
        NORMAL: integer,
        NO_STATUS: integer,
        POLICY_VIOLATION: integer,
        PROTOCOL_ERROR: integer,
        SERVICE_RESTART: integer,
        TLS_HANDSHAKE: integer,
        TRY_AGAIN_LATER: integer,
        UNSUPPORTED_DATA: integer,
    },
    COMPRESSION: {CONTEXT_TAKEOVER: integer, DISABLED: integer, NO_CONTEXT: integer},
    TEXT: integer,
    TYPE_BINARY: string,
    TYPE_CLOSE: string,
    TYPE_PING: string,
    TYPE_PONG: string,
    TYPE_TEXT: string,
    connect: (url: string, options?: Options) -> (Client, error?),
}
