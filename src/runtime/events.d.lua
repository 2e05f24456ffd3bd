export type Subscription = userdata @opaque("events.Subscription") & {
    channel: (self: Subscription) -> channel.Channel,
    close: (self: Subscription) -> boolean,
}
export type Event = {system: string, kind: string, path: string, data?: any}

return nil :: {
    send: (system: string, kind: string, path: string, data?: any) -> (boolean?, error?),
    subscribe: (system: string, kind?: string) -> (Subscription, error?),
}
