export type Import = string | {id: string, modules: {string}?}
export type Request = {
    source: string, method: string?, args: {any}?, modules: {string}?, imports: {[string]: Import}?,
    context: {[string]: any}?, allow_classes: {string}?, custom_modules: {[string]: table}?,
}
export type CompileOptions = {modules: {string}?, allow_classes: {string}?}
export type Program = userdata @opaque("eval_runner.Program") & {
    method: (self: Program) -> string?,
    modules: (self: Program) -> {string},
}

return nil :: {
    compile: (source: string, method?: string, options?: CompileOptions) -> (Program, error?),
    run: (request: Request) -> (any, error?),
}
