export type Channel = userdata @opaque("channel") & {
    case_receive: (self: Channel) -> Case,
    case_send: (self: Channel, value?: any) -> Case,
    close: (self: Channel) -> (),
    receive: (self: Channel) -> (any, boolean),
    send: (self: Channel, value?: any) -> (boolean?, error?),
}
export type Case = userdata @opaque("channel.case") & {}
export type Selected = {channel?: Channel, default?: boolean, ok: boolean, value: any}

return nil :: {
    new: (capacity?: integer) -> Channel,
    select: (cases: table, default?: boolean) -> (Selected, error?),
}
