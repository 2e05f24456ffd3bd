//! A syntax tree as source text again.
//!
//! The text parses to the same tree: parentheses are nodes of the tree, so they are printed where they were and nowhere
//! else; casts are always printed with `::`; and a `;` is put wherever the next statement could be read as the rest of
//! the one before. Comments and layout are gone.

use std::fmt::Write;

use super::ast::{
    Alias, Ast, BinOp, Binding, Block, Expr, ExprId, FunctionBody, Ident, ParamType, ReturnType, Stat, StatKind,
    TableItem, Type, TypeConst, TypeField, TypeId, TypeParam, UnOp,
};

/// The text of a tree made by [`parse`](super::parse).
///
/// ```
/// let ast = moonlet::syntax::parse(b"local x=f 'hi' as string").unwrap();
/// assert_eq!(moonlet::syntax::print(&ast), "local x = f(\"hi\") :: string\n");
/// ```
pub fn print(ast: &Ast) -> String {
    let mut printer = Printer { ast, out: String::new(), indent: 0 };
    printer.stats(&ast.block);
    printer.out
}

struct Printer<'a> {
    ast: &'a Ast,
    out: String,
    indent: usize,
}

impl Printer<'_> {
    fn text(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn name(&mut self, name: Ident) {
        self.out.push_str(self.ast.text(name.name));
    }

    /// Items with a separator between them.
    fn separated<T>(&mut self, items: &[T], separator: &str, mut item: impl FnMut(&mut Self, &T)) {
        for (i, it) in items.iter().enumerate() {
            if i > 0 {
                self.text(separator);
            }
            item(self, it);
        }
    }

    fn list<T>(&mut self, items: &[T], item: impl FnMut(&mut Self, &T)) {
        self.separated(items, ", ", item);
    }

    // Statements.

    fn new_line(&mut self) {
        self.out.push('\n');
    }

    fn start_line(&mut self) {
        self.out.extend(std::iter::repeat_n("    ", self.indent));
    }

    fn stats(&mut self, block: &Block) {
        for stat in &block.stats {
            self.start_line();
            let start = self.out.len();
            self.stat(stat);
            if runs_on(&self.out, start) {
                let end = self.out[..start].trim_end().len();
                self.out.insert(end, ';');
            }
            self.new_line();
        }
    }

    /// An indented block after the rest of the current line, up to where its closing word is to be written.
    fn block(&mut self, block: &Block) {
        self.new_line();
        self.indent += 1;
        self.stats(block);
        self.indent -= 1;
        self.start_line();
    }

    fn closed_block(&mut self, block: &Block) {
        self.block(block);
        self.text("end");
    }

    fn stat(&mut self, stat: &Stat) {
        match &stat.kind {
            StatKind::Error => self.text("--[[error]]"),
            StatKind::Assign { targets, values } => {
                self.exprs(targets);
                self.text(" = ");
                self.exprs(values);
            }
            StatKind::Call(call) => self.expr(*call),
            StatKind::Label(label) => {
                self.text("::");
                self.name(*label);
                self.text("::");
            }
            StatKind::Break => self.text("break"),
            StatKind::Goto(label) => {
                self.text("goto ");
                self.name(*label);
            }
            StatKind::Do(body) => {
                self.text("do");
                self.closed_block(body);
            }
            StatKind::While { cond, body } => {
                self.text("while ");
                self.expr(*cond);
                self.text(" do");
                self.closed_block(body);
            }
            StatKind::Repeat { body, cond } => {
                self.text("repeat");
                self.block(body);
                self.text("until ");
                self.expr(*cond);
            }
            StatKind::If { arms, otherwise } => {
                for (i, (cond, body)) in arms.iter().enumerate() {
                    self.text(if i == 0 { "if " } else { "elseif " });
                    self.expr(*cond);
                    self.text(" then");
                    self.block(body);
                }
                if let Some(body) = otherwise {
                    self.text("else");
                    self.block(body);
                }
                self.text("end");
            }
            StatKind::NumericFor { var, start, limit, step, body } => {
                self.text("for ");
                self.binding(var);
                self.text(" = ");
                self.expr(*start);
                self.text(", ");
                self.expr(*limit);
                if let Some(step) = step {
                    self.text(", ");
                    self.expr(*step);
                }
                self.text(" do");
                self.closed_block(body);
            }
            StatKind::GenericFor { vars, values, body } => {
                self.text("for ");
                self.list(vars, Self::binding);
                self.text(" in ");
                self.exprs(values);
                self.text(" do");
                self.closed_block(body);
            }
            StatKind::Function { path, method, body } => {
                self.text("function ");
                self.separated(path, ".", |this, part| this.name(*part));
                if let Some(method) = method {
                    self.text(":");
                    self.name(*method);
                }
                self.function_body(body);
            }
            StatKind::LocalFunction { name, body } => {
                self.text("local function ");
                self.name(*name);
                self.function_body(body);
            }
            StatKind::Local { vars, values } => {
                self.text("local ");
                self.list(vars, Self::binding);
                if !values.is_empty() {
                    self.text(" = ");
                    self.exprs(values);
                }
            }
            StatKind::Return(values) => {
                self.text("return");
                if !values.is_empty() {
                    self.text(" ");
                    self.exprs(values);
                }
            }
            StatKind::Alias(alias) => self.alias(alias),
        }
    }

    fn alias(&mut self, alias: &Alias) {
        self.text(if alias.export { "export type " } else { "type " });
        self.name(alias.name);
        self.type_params(&alias.params);
        self.text(" = ");
        self.ty(alias.ty);
    }

    fn binding(&mut self, binding: &Binding) {
        self.name(binding.name);
        if binding.optional {
            self.text("?");
        }
        self.annotation(binding.ty);
    }

    fn annotation(&mut self, ty: Option<TypeId>) {
        if let Some(ty) = ty {
            self.text(": ");
            self.ty(ty);
        }
    }

    fn function_body(&mut self, body: &FunctionBody) {
        self.type_params(&body.type_params);
        self.text("(");
        self.list(&body.params, Self::binding);
        if let Some(vararg) = body.vararg {
            self.text(if body.params.is_empty() { "..." } else { ", ..." });
            self.annotation(vararg.ty);
        }
        self.text(")");
        if let Some(ret) = &body.ret {
            self.text(": ");
            self.return_type(ret);
        }
        self.closed_block(&body.block);
    }

    // Expressions.

    fn exprs(&mut self, exprs: &[ExprId]) {
        self.list(exprs, |this, expr| this.expr(*expr));
    }

    fn expr(&mut self, expr: ExprId) {
        let mut spine = Vec::new();
        let mut first = expr;
        while let Some(left) = left_part(self.ast.expr(first)) {
            spine.push(first);
            first = left;
        }
        self.operand(first);
        for &node in spine.iter().rev() {
            self.suffix(node);
        }
    }

    /// An expression without a left part.
    fn operand(&mut self, expr: ExprId) {
        match self.ast.expr(expr) {
            Expr::Nil => self.text("nil"),
            Expr::True => self.text("true"),
            Expr::False => self.text("false"),
            Expr::Integer(value) => self.integer(*value),
            Expr::Float(value) => self.float(*value),
            Expr::String(bytes) => self.string(bytes),
            Expr::Vararg => self.text("..."),
            Expr::Function(body) => {
                self.text("function");
                self.function_body(body);
            }
            Expr::Name(name) => self.text(self.ast.text(*name)),
            Expr::Paren(inner) => {
                self.text("(");
                self.expr(*inner);
                self.text(")");
            }
            Expr::Unary { op, operand, .. } => {
                self.text(match op {
                    UnOp::Not => "not ",
                    UnOp::Len => "#",
                    // Two of them in a row would begin a comment.
                    UnOp::Neg if matches!(self.ast.expr(*operand), Expr::Unary { .. }) => "- ",
                    UnOp::Neg => "-",
                    UnOp::BNot => "~",
                });
                self.expr(*operand);
            }
            Expr::Table(items) => {
                self.text("{");
                self.list(items, Self::table_item);
                self.text("}");
            }
            // The others have a left part; a recovered error has no text.
            _ => self.text("--[[error]]"),
        }
    }

    /// What follows the left part of an expression.
    fn suffix(&mut self, expr: ExprId) {
        match self.ast.expr(expr) {
            Expr::Field(_, name) => {
                self.text(".");
                self.name(*name);
            }
            Expr::Index(_, key) => {
                self.text("[");
                self.expr(*key);
                self.text("]");
            }
            Expr::Call { args, .. } => self.args(args),
            Expr::MethodCall { name, args, .. } => {
                self.text(":");
                self.name(*name);
                self.args(args);
            }
            Expr::NonNil(_) => self.text("!"),
            Expr::Cast(_, ty) => {
                self.text(" :: ");
                self.ty(*ty);
            }
            Expr::Binary { op, rhs, .. } => {
                self.text(binary_text(*op));
                self.expr(*rhs);
            }
            _ => {}
        }
    }

    fn args(&mut self, args: &[ExprId]) {
        self.text("(");
        self.exprs(args);
        self.text(")");
    }

    fn table_item(&mut self, item: &TableItem) {
        match *item {
            TableItem::Positional(value) => self.expr(value),
            TableItem::Named(name, value) => {
                self.name(name);
                self.text(" = ");
                self.expr(value);
            }
            TableItem::Keyed(key, value) => {
                self.text("[");
                self.expr(key);
                self.text("] = ");
                self.expr(value);
            }
        }
    }

    fn integer(&mut self, value: i64) {
        // A negative value was a hexadecimal numeral that wrapped around.
        let written = if value < 0 { write!(self.out, "{value:#x}") } else { write!(self.out, "{value}") };
        written.expect("writing to a string succeeds");
    }

    fn float(&mut self, value: f64) {
        if value.is_infinite() {
            self.text("1e999");
        } else {
            write!(self.out, "{value:e}").expect("writing to a string succeeds");
        }
    }

    fn string(&mut self, bytes: &[u8]) {
        self.out.push('"');
        for &byte in bytes {
            match byte {
                b'"' | b'\\' => self.out.extend(['\\', char::from(byte)]),
                b'\n' => self.text("\\n"),
                b' '..=b'~' => self.out.push(char::from(byte)),
                _ => write!(self.out, "\\{byte:03}").expect("writing to a string succeeds"),
            }
        }
        self.out.push('"');
    }

    // Types.

    fn types(&mut self, types: &[TypeId], separator: &str) {
        self.separated(types, separator, |this, ty| this.ty(*ty));
    }

    fn type_params(&mut self, params: &[TypeParam]) {
        if params.is_empty() {
            return;
        }
        self.text("<");
        self.list(params, |this, param| {
            this.name(param.name);
            this.annotation(param.constraint);
            if let Some(default) = param.default {
                this.text(" = ");
                this.ty(default);
            }
        });
        self.text(">");
    }

    fn ty(&mut self, ty: TypeId) {
        match self.ast.ty(ty) {
            Type::Error => self.text("--[[error]]"),
            Type::Nil => self.text("nil"),
            Type::Boolean(value) => self.text(if *value { "true" } else { "false" }),
            Type::String(bytes) => self.string(bytes),
            Type::Integer(value) => self.signed_integer(*value),
            Type::Float(value) => self.signed_float(*value),
            Type::Function => self.text("function"),
            Type::Typeof(expr) => {
                self.text("typeof(");
                self.expr(*expr);
                self.text(")");
            }
            Type::Name { path, args } => {
                self.separated(path, ".", |this, part| this.name(*part));
                if !args.is_empty() {
                    self.text("<");
                    self.types(args, ", ");
                    self.text(">");
                }
            }
            Type::Readonly(inner) => {
                self.text("readonly ");
                self.ty(*inner);
            }
            Type::Array(element) => {
                self.text("{");
                self.ty(*element);
                self.text("}");
            }
            Type::Table(fields) => {
                self.text("{");
                self.list(fields, Self::type_field);
                self.text("}");
            }
            Type::FunctionType { type_params, params, vararg, ret } => {
                self.type_params(type_params);
                self.text("(");
                self.list(params, Self::param_type);
                self.rest(params.is_empty(), *vararg);
                self.text(") -> ");
                self.return_type(ret);
            }
            Type::Group(inner) => {
                self.text("(");
                self.ty(*inner);
                self.text(")");
            }
            Type::Optional(inner) => {
                self.ty(*inner);
                self.text("?");
            }
            Type::Validated { ty, name, args } => {
                self.ty(*ty);
                self.text(" @");
                self.name(*name);
                if !args.is_empty() {
                    self.text("(");
                    self.list(args, Self::type_const);
                    self.text(")");
                }
            }
            Type::Union(members) => self.types(members, " | "),
            Type::Intersection(members) => self.types(members, " & "),
        }
    }

    fn signed_integer(&mut self, value: i64) {
        if value < 0 {
            self.text("-");
        }
        // The smallest integer is its own negation, and only a hexadecimal numeral can say it.
        self.integer(value.wrapping_abs());
    }

    fn signed_float(&mut self, value: f64) {
        if value.is_sign_negative() {
            self.text("-");
        }
        self.float(value.abs());
    }

    fn type_const(&mut self, constant: &TypeConst) {
        match constant {
            TypeConst::Nil => self.text("nil"),
            TypeConst::Boolean(value) => self.text(if *value { "true" } else { "false" }),
            TypeConst::Integer(value) => self.signed_integer(*value),
            TypeConst::Float(value) => self.signed_float(*value),
            TypeConst::String(bytes) => self.string(bytes),
        }
    }

    fn type_field(&mut self, field: &TypeField) {
        match field {
            TypeField::Field { readonly, key, optional, ty, .. } => {
                if *readonly {
                    self.text("readonly ");
                }
                // The quoted form says any key; reserved words need it.
                self.text("[");
                self.string(key);
                self.text(if *optional { "]?: " } else { "]: " });
                self.ty(*ty);
            }
            TypeField::Indexer { key, value } => {
                self.text("[");
                self.ty(*key);
                self.text("]: ");
                self.ty(*value);
            }
        }
    }

    fn param_type(&mut self, param: &ParamType) {
        if let Some(name) = param.name {
            self.name(name);
            self.text(if param.optional { "?: " } else { ": " });
        }
        self.ty(param.ty);
    }

    /// `...T` at the end of a list.
    fn rest(&mut self, first: bool, vararg: Option<Option<TypeId>>) {
        if let Some(ty) = vararg {
            self.text(if first { "..." } else { ", ..." });
            if let Some(ty) = ty {
                self.ty(ty);
            }
        }
    }

    fn return_type(&mut self, ret: &ReturnType) {
        match ret {
            ReturnType::Single(ty) => self.ty(*ty),
            ReturnType::Pack { types, vararg } => {
                self.text("(");
                self.types(types, ", ");
                self.rest(types.is_empty(), *vararg);
                self.text(")");
            }
            ReturnType::Vararg(ty) => self.rest(true, Some(*ty)),
            ReturnType::Asserts { name, ty } => {
                self.text("asserts ");
                self.name(*name);
                if let Some(ty) = ty {
                    self.text(" is ");
                    self.ty(*ty);
                }
            }
        }
    }
}

/// The part of an expression that its text begins with.
fn left_part(expr: &Expr) -> Option<ExprId> {
    match *expr {
        Expr::Binary { lhs: left, .. }
        | Expr::Field(left, _)
        | Expr::Index(left, _)
        | Expr::Call { func: left, .. }
        | Expr::MethodCall { object: left, .. }
        | Expr::NonNil(left)
        | Expr::Cast(left, _) => Some(left),
        _ => None,
    }
}

/// Whether the statement that begins at `start` could be read as going on with what stands before it.
fn runs_on(out: &str, start: usize) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let (before, stat) = out.split_at(start);
    let first_word = &stat[..stat.find(|c| !is_word(c)).unwrap_or(stat.len())];
    let before = before.trim_end();
    let last_word = &before[before.rfind(|c| !is_word(c)).map_or(0, |at| at + 1)..];
    stat.starts_with('(') && !before.is_empty()
        || matches!(first_word, "as" | "is") && !before.is_empty()
        || matches!(last_word, "readonly" | "asserts" | "typeof")
}

fn binary_text(op: BinOp) -> &'static str {
    match op {
        BinOp::Or => " or ",
        BinOp::And => " and ",
        BinOp::Lt => " < ",
        BinOp::Gt => " > ",
        BinOp::Le => " <= ",
        BinOp::Ge => " >= ",
        BinOp::Ne => " ~= ",
        BinOp::Eq => " == ",
        BinOp::BOr => " | ",
        BinOp::BXor => " ~ ",
        BinOp::BAnd => " & ",
        BinOp::Shl => " << ",
        BinOp::Shr => " >> ",
        BinOp::Concat => " .. ",
        BinOp::Add => " + ",
        BinOp::Sub => " - ",
        BinOp::Mul => " * ",
        BinOp::Div => " / ",
        BinOp::IDiv => " // ",
        BinOp::Mod => " % ",
        BinOp::Pow => " ^ ",
    }
}
