export type Payload = userdata @opaque("payload") & {
    data: (self: Payload) -> any,
    get_format: (self: Payload) -> string,
    unmarshal: (self: Payload) -> any,
}
export type Message = userdata @opaque("process.Message") & {
    from: (self: Message) -> string,
    payload: (self: Message) -> any,
    topic: (self: Message) -> string,
}
export type Options = {trap_links?: boolean, upgradable?: boolean}

return nil :: {
    cancel: (destination: string, reason?: string) -> (boolean?, error?),
    event: {CANCEL: string, EXIT: string, LINK_DOWN: string},
    events: () -> (channel.Channel, error?),
    get_options: () -> Options,
    id: () -> string,
    inbox: () -> (channel.Channel, error?),
    link: (destination: string) -> (boolean?, error?),
    listen: (topic: string, options?: {message?: boolean}) -> (channel.Channel, error?),
    monitor: (destination: string) -> (boolean?, error?),
    pid: () -> string,
    registry: {
        CONSISTENT: integer,
        EVENTUAL: integer,
        LOCAL: integer,
        STRONG: integer,
        lookup: (name: string) -> (string, error?),
        register: (name: string, pid?: string, scope?: integer) -> (boolean?, error?),
        unregister: (name: string, scope?: integer) -> (boolean?, error?),
    },
    send: (destination: string, topic: string, ...any) -> (boolean?, error?),
    set_options: (options: Options) -> (boolean?, error?),
    spawn: (entry: string | function, host: string, ...any) -> (string, error?),
    spawn_linked: (entry: string | function, host: string, ...any) -> (string, error?),
    spawn_linked_monitored: (entry: string | function, host: string, ...any) -> (string, error?),
    spawn_monitored: (entry: string | function, host: string, ...any) -> (string, error?),
    terminate: (destination: string) -> (boolean?, error?),
    unlink: (destination: string) -> (boolean?, error?),
    unlisten: (subscription: channel.Channel) -> (boolean?, error?),
    unmonitor: (destination: string) -> (boolean?, error?),
}
