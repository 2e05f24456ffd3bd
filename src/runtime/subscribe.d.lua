-- What the runtime adds to the basic functions.
return nil :: {
    subscribe: (topic: string, to: channel.Channel) -> (channel.Channel, error?),
    unsubscribe: (from: channel.Channel) -> (boolean?, error?),
}
