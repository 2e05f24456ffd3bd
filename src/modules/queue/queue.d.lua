export type Message = userdata @opaque("queue.Message") & {
    ack: (self: Message) -> (boolean, error?),
    header: (self: Message, name: string) -> (any, error?),
    headers: (self: Message) -> ({[string]: any}, error?),
    id: (self: Message) -> (string, error?),
    nack: (self: Message) -> (boolean, error?),
}
export type Info = {message_count: integer, ready: integer, consumer_count: integer}

return nil :: {
    info: (id: string) -> (Info, error?),
    message: () -> (Message, error?),
    publish: (id: string, data: any, headers?: {[string]: any}) -> (boolean, error?),
}
