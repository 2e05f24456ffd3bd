export type AttrBuilder = userdata @opaque("html.AttrBuilder") & {
    globally: (self: AttrBuilder) -> any,
    matching: (self: AttrBuilder, pattern: string) -> (AttrBuilder, error?),
    on_elements: (self: AttrBuilder, ...string) -> any,
}
export type Policy = userdata @opaque("html.Policy") & {
    add_target_blank_to_fully_qualified_links: (self: Policy, on: boolean) -> Policy,
    allow_attrs: (self: Policy, ...string) -> AttrBuilder,
    allow_data_uri_images: (self: Policy) -> Policy,
    allow_elements: (self: Policy, ...string) -> Policy,
    allow_images: (self: Policy) -> Policy,
    allow_lists: (self: Policy) -> Policy,
    allow_relative_urls: (self: Policy, on: boolean) -> Policy,
    allow_standard_attributes: (self: Policy) -> Policy,
    allow_standard_urls: (self: Policy) -> Policy,
    allow_tables: (self: Policy) -> Policy,
    allow_url_schemes: (self: Policy, ...string) -> Policy,
    require_nofollow_on_links: (self: Policy, on: boolean) -> Policy,
    require_noreferrer_on_links: (self: Policy, on: boolean) -> Policy,
    require_parseable_urls: (self: Policy, on: boolean) -> Policy,
    sanitize: (self: Policy, text: string) -> string,
}

return nil :: {
    sanitize: {
        new_policy: () -> (Policy, error?),
        strict_policy: () -> (Policy, error?),
        ugc_policy: () -> (Policy, error?),
    },
}
