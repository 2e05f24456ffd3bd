//! Syntax trees to bytecode, in two passes: `resolve` finds out how each variable is stored, then code is generated
//! in one walk over the tree, without an intermediate form.
//!
//! | file | room |
//! | --- | --- |
//! | `resolve` | which locals are captured or assigned |
//! | `stat`, `loops`, `assign` | statements |
//! | `expr`, `call`, `table` | walks over expression trees |
//! | `descriptor`, `condition`, `operator`, `fold` | values under evaluation, operators, folding |
//! | `function`, `labels` | registers, scopes, captures, jumps between blocks of one function |
//! | `scoped` | what names mean in nested scopes |
//! | `types`, `exports` | scopes of type names, aliases, type expressions; types of one chunk in another |
//! | `code`, `layout`, `constants` | instructions and jump lists, their final form, the constant pool |
//!
//! The upper half walks trees and is implemented on `Compiler`; the lower half knows no tree and is implemented on
//! `function::FunctionState`.
//!
//! # Variables
//!
//! A local that is captured *and* reassigned lives in a heap cell, made by `NewCell` each time its declaration is
//! executed, so that every round of a loop has its own. All others are captured by value. A `local function` that
//! is never reassigned captures itself. Nothing ever needs closing. A chunk that mentions `setupvalue` or another
//! function of the debug library that can tell the difference has cells for all captured locals.

mod assign;
mod call;
mod code;
mod condition;
mod constants;
mod descriptor;
mod error;
mod exports;
mod expr;
mod fold;
mod function;
mod labels;
mod layout;
mod loops;
mod operator;
mod resolve;
mod scoped;
mod stat;
mod table;
#[cfg(test)]
mod tests;
mod types;

pub use exports::{Export, Exports, Modules, NoModules};

use std::sync::Arc;

use crate::bytecode::op::{Instruction, NONE, Op, count};
use crate::bytecode::proto::Proto;
use crate::syntax::ast::{Ast, Binding, FunctionBody, Name};
use crate::syntax::span::Span;
use crate::syntax::{SyntaxError, parse};

use descriptor::{Descriptor, Kind};
use error::Result;
use function::{FunctionState, Header, Symbol, Variable};
use resolve::{Declaration, Resolution};
use types::TypeScopes;

/// Compiles a chunk that parsed without errors. `chunk_name` is its name as given to `load`, with prefix.
///
/// The result is a vararg function that captures exactly one variable, `_ENV`. It is captured as a cell if the chunk
/// assigns it, by value otherwise; whoever makes the closure looks at [`crate::bytecode::Capture::cell`].
///
/// # Errors
///
/// If a limit of the machine is passed (200 locals, 255 captured variables, 250 registers per function) or a `goto` or
/// `break` has nowhere to go.
///
/// ```
/// let ast = moonlet::syntax::parse(b"return 1 + 2").unwrap();
/// let proto = moonlet::compile::compile(&ast, b"=demo").unwrap();
/// assert!(moonlet::bytecode::disasm::disassemble(&proto).contains("LoadInt R0, #3"));
/// ```
pub fn compile(ast: &Ast, chunk_name: &[u8]) -> std::result::Result<Arc<Proto>, SyntaxError> {
    compile_in(ast, chunk_name, &NoModules)
}

/// As [`compile`], with the modules whose types the chunk may use.
///
/// # Errors
/// As for [`compile`].
pub fn compile_in(ast: &Ast, chunk_name: &[u8], modules: &dyn Modules) -> std::result::Result<Arc<Proto>, SyntaxError> {
    chunk(ast, chunk_name, modules).map_err(|error| *error)
}

/// The types that a chunk offers to others.
///
/// # Errors
/// As for [`compile`].
pub fn exports(ast: &Ast, chunk_name: &[u8], modules: &dyn Modules) -> std::result::Result<Exports, SyntaxError> {
    let exports = || {
        let mut compiler = Compiler::new(ast, chunk_name, modules);
        compiler.main()?;
        Ok(compiler.exports(chunk_name))
    };
    exports().map_err(|error: Box<SyntaxError>| *error)
}

/// Parses and compiles the source of a chunk.
///
/// # Errors
///
/// The first syntax error, or as for [`compile`].
pub fn compile_source(source: &[u8], chunk_name: &[u8]) -> std::result::Result<Arc<Proto>, SyntaxError> {
    compile(&parse(source)?, chunk_name)
}

/// As [`compile_source`], with the modules whose types the chunk may use.
///
/// # Errors
/// As for [`compile_source`].
pub fn compile_source_in(
    source: &[u8],
    chunk_name: &[u8],
    modules: &dyn Modules,
) -> std::result::Result<Arc<Proto>, SyntaxError> {
    compile_in(&parse(source)?, chunk_name, modules)
}

fn chunk(ast: &Ast, chunk_name: &[u8], modules: &dyn Modules) -> Result<Arc<Proto>> {
    let mut compiler = Compiler::new(ast, chunk_name, modules);
    let mut proto = compiler.main()?;
    compiler.attach_types(&mut proto, chunk_name);
    Ok(Arc::new(proto))
}

/// The state of one compilation.
struct Compiler<'a> {
    ast: &'a Ast,
    /// Where types of other modules come from.
    modules: &'a dyn Modules,
    resolution: Resolution,
    types: TypeScopes,
    /// Whether the chunk mentions `typeof`, so that declared types matter.
    asks_for_types: bool,
    /// `_ENV`, if the chunk mentions it.
    environment: Option<Name>,
    source: Arc<[u8]>,
    /// The function being compiled.
    current: FunctionState,
    /// The functions around it, outermost first.
    enclosing: Vec<FunctionState>,
}

impl<'a> Compiler<'a> {
    fn new(ast: &'a Ast, chunk_name: &[u8], modules: &'a dyn Modules) -> Compiler<'a> {
        let header = Header { line: 0, last_line: 0, vararg: true, itself: None };
        Compiler {
            ast,
            modules,
            resolution: Resolution::of(ast),
            types: TypeScopes::default(),
            asks_for_types: ast.names.get("typeof").is_some(),
            environment: ast.names.get("_ENV"),
            source: chunk_name.into(),
            current: FunctionState::new(header, Span { line: 1, end_line: 1, ..Span::default() }),
            enclosing: Vec::new(),
        }
    }

    /// Compiles the main function.
    fn main(&mut self) -> Result<Proto> {
        let from = Variable::Local { register: 0, cell: self.resolution.environment_is_cell, declaration: None };
        // What the machine hands to the main function has no place in any function; the register is a formality.
        self.current.capture(Symbol::Environment, "_ENV", from)?;
        self.current.enter_block(false);
        self.vararg_prologue(0);
        self.statements(&self.ast.block, false)?;
        self.current.leave_block()?;
        let header = Header { line: 0, last_line: 0, vararg: true, itself: None };
        let main = std::mem::replace(&mut self.current, FunctionState::new(header, Span::default()));
        main.finish(self.ast.end_line, self.source.clone())
    }

    /// Compiles a nested function. `receiver` is the declaration of `self` in a method, `itself` that of the
    /// never reassigned `local function` which the body defines.
    fn closure(
        &mut self,
        body: &FunctionBody,
        receiver: Option<Declaration>,
        itself: Option<Declaration>,
    ) -> Result<Descriptor> {
        let header = Header { line: body.line, last_line: body.end_line, vararg: body.vararg.is_some(), itself };
        let place = Span { line: body.line, end_line: body.line, ..body.span };
        let outer = std::mem::replace(&mut self.current, FunctionState::new(header, place));
        self.enclosing.push(outer);
        let scope = self.enter_type_params(&body.type_params);
        let compiled = scope.and_then(|scope| {
            self.function_body(body, receiver)?;
            self.leave_types(scope);
            Ok(())
        });
        let outer = self.enclosing.pop().expect("pushed above");
        let inner = std::mem::replace(&mut self.current, outer);
        compiled?;
        let proto = self.current.add_proto(inner.finish(body.end_line, self.source.clone())?);
        self.current.advance(body.span);
        let closure = self.current.emit(Instruction::wide(Op::Closure, NONE, proto));
        Ok(Kind::Relocatable(closure).into())
    }

    fn function_body(&mut self, body: &FunctionBody, receiver: Option<Declaration>) -> Result<()> {
        self.current.enter_block(false);
        let params = body.params.len() + usize::from(receiver.is_some());
        let first = self.current.reserve(params)?;
        if body.vararg.is_some() {
            self.vararg_prologue(params);
        }
        let mut next = first;
        if let Some(declaration) = receiver {
            let symbol = self.ast.names.get("self").map_or(Symbol::Internal, Symbol::Name);
            let cell = self.resolution.is_cell(declaration);
            self.current.activate(symbol, "self", next, cell, Some(declaration))?;
            next += 1;
        }
        self.declare(&body.params, next)?;
        self.current.set_params();
        self.wrap_cells(receiver.into_iter().chain(declarations(&body.params)), first);
        self.current.code.leave_lineless(u32::from(body.vararg.is_some()));
        self.statements(&body.block, false)?;
        self.current.leave_block()
    }

    fn vararg_prologue(&mut self, params: usize) {
        self.current.emit(Instruction::new(Op::VarargPrep, count(params as u16), NONE, NONE));
    }

    // ---- variables

    fn symbol(&self, name: Name) -> Symbol {
        if Some(name) == self.environment { Symbol::Environment } else { Symbol::Name(name) }
    }

    /// Makes the values from register `first` on the locals `bindings`.
    fn declare(&mut self, bindings: &[Binding], first: u8) -> Result<()> {
        for (binding, register) in bindings.iter().zip(first..) {
            let declaration = Declaration::of(&binding.name);
            let cell = self.resolution.is_cell(declaration);
            let symbol = self.symbol(binding.name.name);
            let text = self.ast.text(binding.name.name);
            self.current.activate(symbol, text, register, cell, Some(declaration))?;
            if self.asks_for_types
                && let Some(ty) = binding.ty
            {
                self.note_declared(ty, binding.optional)?;
            }
        }
        Ok(())
    }

    /// Wraps the values, from register `first` on, of those variables in cells that need one.
    fn wrap_cells(&mut self, declarations: impl Iterator<Item = Declaration>, first: u8) {
        for (declaration, register) in declarations.zip(first..) {
            if self.resolution.is_cell(declaration) {
                self.current.wrap_in_cell(register);
            }
        }
    }

    /// Where the current function finds a variable; `None` for a global.
    fn find(&mut self, symbol: Symbol) -> Result<Option<Variable>> {
        self.find_at(symbol, self.enclosing.len())
    }

    /// Where the function at a nesting level finds a variable, which all functions in between then capture.
    fn find_at(&mut self, symbol: Symbol, level: usize) -> Result<Option<Variable>> {
        let function = self.enclosing.get(level).unwrap_or(&self.current);
        if let Some(variable) = function.find(symbol) {
            return Ok(Some(variable));
        }
        let Some(outer_level) = level.checked_sub(1) else {
            return Ok(None);
        };
        let Some(outer) = self.find_at(symbol, outer_level)? else {
            return Ok(None);
        };
        if let Variable::Type(_) = outer {
            return Ok(Some(outer));
        }
        let name = match symbol {
            Symbol::Name(name) => self.ast.text(name),
            Symbol::Environment => "_ENV",
            Symbol::Internal => unreachable!("internal variables have no name to look up"),
        };
        let function = self.enclosing.get_mut(level).unwrap_or(&mut self.current);
        function.capture(symbol, name, outer).map(Some)
    }
}

/// The identities of the variables that `bindings` declare.
fn declarations(bindings: &[Binding]) -> impl Iterator<Item = Declaration> {
    bindings.iter().map(|binding| Declaration::of(&binding.name))
}
