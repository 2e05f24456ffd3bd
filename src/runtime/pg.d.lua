export type Instance = userdata @opaque("pg.Instance") & {
    broadcast: (self: Instance, group: string, topic: string, ...any) -> (boolean?, error?),
    broadcast_local: (self: Instance, group: string, topic: string, ...any) -> (boolean?, error?),
    events: (self: Instance) -> (events.Subscription, {[string]: {string}}, error?),
    get_local_members: (self: Instance, group: string) -> ({string}, error?),
    get_members: (self: Instance, group: string) -> ({string}, error?),
    join: (self: Instance, group: string | {string}) -> (boolean?, error?),
    leave: (self: Instance, group: string | {string}) -> (boolean?, error?),
    monitor: (self: Instance, group: string) -> (events.Subscription, {string}, error?),
    release: (self: Instance) -> (boolean?, error?),
    which_groups: (self: Instance) -> ({string}, error?),
    which_local_groups: (self: Instance) -> ({string}, error?),
}

return nil :: {
    open: (scope: string) -> (Instance, error?),
}
