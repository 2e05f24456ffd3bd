export type Program = userdata @opaque("expr.Program") & {
    run: (self: Program, env?: {[any]: any}) -> (any, error?),
}

return nil :: {
    compile: (text: string, env?: {[any]: any}) -> (Program, error?),
    eval: (text: string, env?: {[any]: any}) -> (any, error?),
}
