export type Actor = userdata @opaque("security.Actor") & {
    id: (self: Actor) -> string,
    meta: (self: Actor) -> {[any]: any},
}
export type Policy = userdata @opaque("security.Policy") & {
    evaluate: (self: Policy, actor: Actor?, action: string, resource: string, meta?: any) -> string,
    id: (self: Policy) -> string,
}
export type Scope = userdata @opaque("security.Scope") & {
    contains: (self: Scope, id: string) -> boolean,
    evaluate: (self: Scope, actor: Actor?, action: string, resource: string, meta?: any) -> string,
    policies: (self: Scope) -> {Policy},
    with: (self: Scope, policy: Policy) -> Scope,
    without: (self: Scope, id: string) -> Scope,
}
export type TokenOptions = {expiration: any, meta: any}
export type TokenStore = userdata @opaque("security.TokenStore") & {
    close: (self: TokenStore) -> boolean,
    create: (self: TokenStore, actor: Actor, scope: Scope, options?: TokenOptions) -> (string, error?),
    revoke: (self: TokenStore, token: string) -> (boolean, error?),
    validate: (self: TokenStore, token: string) -> (Actor, Scope, error?),
}

return nil :: {
    actor: () -> Actor?,
    can: (action: string, resource: string, meta?: any) -> boolean,
    named_scope: (group: string) -> (Scope, error?),
    new_actor: (id: string, meta?: {[any]: any}) -> Actor,
    new_scope: (policies?: {Policy}) -> Scope,
    policy: (id: string) -> (Policy, error?),
    scope: () -> Scope?,
    token_store: (id: string) -> (TokenStore, error?),
}
