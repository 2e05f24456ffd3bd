//! For tests of what no script can list: the names that a manifest declares.

use std::collections::BTreeSet;

use crate::syntax::ast::{Expr, StatKind, Type, TypeConst, TypeField, TypeId};
use crate::syntax::{ast::Ast, parse};

/// Compares a manifest with the names of the functions of a module, and those of the methods of its classes.
///
/// # Panics
/// They differ.
pub fn assert_declares<'a>(
    manifest: &str,
    functions: impl IntoIterator<Item = &'a str>,
    classes: impl IntoIterator<Item = (&'a str, Vec<&'a str>)>,
) {
    let mut present: BTreeSet<String> = functions.into_iter().map(str::to_owned).collect();
    for (class, methods) in classes {
        present.extend(methods.iter().filter(|name| !name.starts_with("__")).map(|name| format!("{class}:{name}")));
    }
    assert_eq!(declared(manifest), present);
}

/// The fields of the table that a manifest declares, and `class:method` for classes. The methods of the built-in type `x`
/// are in an alias `XMethods`.
///
/// # Panics
/// The manifest is not well-formed.
pub fn declared(manifest: &str) -> BTreeSet<String> {
    let ast = parse(manifest.as_bytes()).expect("manifests are well-formed");
    let mut names = BTreeSet::new();
    for stat in &ast.block.stats {
        match &stat.kind {
            StatKind::Return(values) => {
                if let Expr::Cast(_, ty) = ast.expr(values[0]) {
                    fields(&ast, *ty, "", &mut names);
                }
            }
            StatKind::Alias(alias) => match ast.ty(alias.ty) {
                Type::Intersection(parts) => {
                    if let Type::Validated { args, .. } = ast.ty(parts[0])
                        && let [TypeConst::String(class)] = &args[..]
                    {
                        fields(&ast, parts[1], &format!("{}:", String::from_utf8_lossy(class)), &mut names);
                    }
                }
                _ => {
                    if let Some(name) = ast.text(alias.name.name).strip_suffix("Methods") {
                        fields(&ast, alias.ty, &format!("{}:", name.to_lowercase()), &mut names);
                    }
                }
            },
            _ => {}
        }
    }
    names
}

fn fields(ast: &Ast, ty: TypeId, prefix: &str, names: &mut BTreeSet<String>) {
    let Type::Table(fields) = ast.ty(ty) else { return };
    for field in fields {
        if let TypeField::Field { key, .. } = field {
            names.insert(format!("{prefix}{}", String::from_utf8_lossy(key)));
        }
    }
}
