//! The rewriting: names of numbers, literals, constants, casts, and nothing else.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{
    Attribute, Expr, ExprLit, File, ImplItem, Item, Lit, Pat, Path, Stmt, UseTree, Visibility, parse_quote,
    spanned::Spanned,
    visit_mut::{self, VisitMut},
};

/// Widths that are symbolic. `u8`, `i32` and `usize` count bytes and places, and stay.
const NUMBERS: [&str; 4] = ["u16", "u32", "u64", "u128"];

/// Removes what is left out, wherever it is declared.
pub(crate) fn leave_out(file: &mut File, left_out: &dyn Fn(&str) -> bool) {
    file.items.retain(|item| match item {
        Item::Fn(item) => !left_out(&item.sig.ident.to_string()),
        Item::Const(item) => !left_out(&item.ident.to_string()) && item.ident != "_",
        Item::Struct(item) => !left_out(&item.ident.to_string()),
        Item::Impl(item) => !type_name(&item.self_ty).is_some_and(|name| left_out(&name)),
        // Modules of a crate are put together by `main`; macros are the SDK's.
        Item::Mod(_) | Item::ExternCrate(_) | Item::Macro(_) => false,
        _ => true,
    });
    for item in &mut file.items {
        if let Item::Impl(item) = item {
            item.items.retain(|item| !matches!(item, ImplItem::Fn(item) if left_out(&item.sig.ident.to_string())));
        }
    }
}

fn type_name(of: &syn::Type) -> Option<String> {
    match of {
        syn::Type::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
        _ => None,
    }
}

/// Puts symbolic numbers behind the names.
pub(crate) fn rewrite(file: &mut File, parent: &str) {
    file.attrs.clear();
    file.items.retain_mut(|item| match item {
        Item::Use(item) => {
            item.leading_colon = None;
            keep_use(&mut item.tree)
        }
        _ => true,
    });
    Numbers { parent: parent.into() }.visit_file_mut(file);
}

/// The same file inside another crate: paths of its own begin elsewhere.
pub(crate) fn as_it_is(file: &File, parent: &str) -> File {
    struct Elsewhere(syn::Ident);
    impl VisitMut for Elsewhere {
        fn visit_item_use_mut(&mut self, item: &mut syn::ItemUse) {
            if let UseTree::Path(path) = &item.tree
                && path.ident == "crate"
            {
                let (parent, tree) = (&self.0, &*path.tree);
                item.tree = parse_quote!(crate::native::#parent::#tree);
            }
        }
        fn visit_visibility_mut(&mut self, visibility: &mut Visibility) {
            if matches!(visibility, Visibility::Restricted(_)) {
                *visibility = parse_quote!(pub);
            }
        }
    }
    let mut file = file.clone();
    file.attrs.clear();
    Elsewhere(quote::format_ident!("{parent}")).visit_file_mut(&mut file);
    file
}

/// Imports of the SDK and of `alloc` have nothing that is needed; the others come from here.
fn keep_use(tree: &mut UseTree) -> bool {
    let UseTree::Path(path) = tree else { return true };
    match path.ident.to_string().as_str() {
        "alloc" | "stylus_sdk" | "openzeppelin_stylus" | "alloy_sol_types" | "roles" => false,
        "host" => {
            without(&mut path.tree, &["emit", "emit_with_bytes", "Constant", "Root", "Name", "only_deployer"]);
            redirect(path, quote!(program))
        }
        "distribution" => redirect(path, quote!(source::distribution)),
        "claims" | "storage" => {
            let module = path.ident.clone();
            redirect(path, quote!(source::merkle_distributor::#module))
        }
        "alloy_primitives" => {
            without(&mut path.tree, &["b256"]);
            redirect(path, quote!(host::primitives))
        }
        "balances" => redirect(path, quote!(source::balances)),
        "pool_storage" => redirect(path, quote!(source::pool_storage)),
        _ => {
            without_abi(&mut path.tree);
            true
        }
    }
}

fn redirect(path: &mut syn::UsePath, to: TokenStream) -> bool {
    let tree = &mut *path.tree;
    without_abi(tree);
    *path = match parse_quote!(crate::#to::#tree) {
        UseTree::Path(path) => path,
        _ => return true,
    };
    true
}

/// Events and errors have no types here: an error is its name.
fn without_abi(tree: &mut UseTree) {
    without(tree, &["abi", "emit"]);
}

fn without(tree: &mut UseTree, names: &[&str]) {
    let UseTree::Group(group) = tree else { return };
    let gone = |tree: &UseTree| matches!(tree, UseTree::Name(name) if names.iter().any(|known| name.ident == known));
    group.items = std::mem::take(&mut group.items).into_iter().filter(|tree| !gone(tree)).collect();
}

struct Numbers {
    parent: String,
}

impl VisitMut for Numbers {
    fn visit_attributes_mut(&mut self, attributes: &mut Vec<Attribute>) {
        attributes.retain(|attribute| attribute.path().is_ident("derive") || attribute.path().is_ident("default"));
    }

    fn visit_visibility_mut(&mut self, visibility: &mut Visibility) {
        *visibility = parse_quote!(pub);
    }

    fn visit_item_impl_mut(&mut self, item: &mut syn::ItemImpl) {
        let inherent = item.trait_.is_none();
        for member in &mut item.items {
            if let ImplItem::Fn(function) = member {
                if !inherent {
                    // Of a trait: its own visibility.
                    function.vis = Visibility::Inherited;
                }
                words_of_fields(function);
                anything(function);
            }
        }
        visit_mut::visit_item_impl_mut(self, item);
        if !inherent {
            for member in &mut item.items {
                if let ImplItem::Fn(function) = member {
                    function.vis = Visibility::Inherited;
                }
            }
        }
    }

    fn visit_variant_mut(&mut self, variant: &mut syn::Variant) {
        self.visit_attributes_mut(&mut variant.attrs);
        for field in &mut variant.fields {
            self.visit_attributes_mut(&mut field.attrs);
            self.visit_type_mut(&mut field.ty);
        }
    }

    fn visit_item_const_mut(&mut self, item: &mut syn::ItemConst) {
        let (attrs, vis) = (&mut item.attrs, &mut item.vis);
        self.visit_attributes_mut(attrs);
        self.visit_visibility_mut(vis);
        self.constant(&mut item.ty, &mut item.expr);
    }

    fn visit_impl_item_const_mut(&mut self, item: &mut syn::ImplItemConst) {
        self.visit_attributes_mut(&mut item.attrs);
        self.visit_visibility_mut(&mut item.vis);
        self.constant(&mut item.ty, &mut item.expr);
    }

    fn visit_item_use_mut(&mut self, item: &mut syn::ItemUse) {
        self.visit_attributes_mut(&mut item.attrs);
        self.visit_visibility_mut(&mut item.vis);
        if let UseTree::Path(path) = &mut item.tree
            && path.ident == "crate"
            && !matches!(&*path.tree, UseTree::Path(path) if ["source", "host", "program"].iter().any(|known| path.ident == known))
        {
            let (parent, tree) = (quote::format_ident!("{}", self.parent), &*path.tree);
            item.tree = parse_quote!(crate::source::#parent::#tree);
        }
    }

    fn visit_path_mut(&mut self, path: &mut Path) {
        visit_mut::visit_path_mut(self, path);
        let Some(first) = path.segments.first() else { return };
        let name = first.ident.to_string();
        let rest = path.segments.iter().skip(1);
        if NUMBERS.contains(&name.as_str()) {
            let number = quote::format_ident!("U{}", &name[1..], span = first.ident.span());
            *path = parse_quote!(crate::number::#number #(::#rest)*);
        } else if name == "balances" {
            *path = parse_quote!(crate::source::balances #(::#rest)*);
        }
    }

    fn visit_arm_mut(&mut self, arm: &mut syn::Arm) {
        visit_mut::visit_arm_mut(self, arm);
        // A number that is a term matches no literal; it can be compared with one.
        if let Pat::Lit(ExprLit { lit: Lit::Int(number), .. }) = &arm.pat
            && number.suffix().is_empty()
        {
            let number = number.clone();
            arm.pat = parse_quote!(matched);
            let number = syn::LitInt::new(&format!("{}u128", number.base10_digits()), number.span());
            arm.guard = Some((Default::default(), parse_quote!(matched == crate::number::lit(#number))));
        }
    }

    fn visit_block_mut(&mut self, block: &mut syn::Block) {
        // Names of events.
        block.stmts.retain(|statement| {
            !matches!(statement, Stmt::Item(Item::Const(item)) if type_name(&item.ty).is_some_and(|name| name == "Constant"))
        });
        visit_mut::visit_block_mut(self, block);
    }

    fn visit_stmt_mut(&mut self, statement: &mut Stmt) {
        visit_mut::visit_stmt_mut(self, statement);
        if let Stmt::Item(Item::Const(item)) = statement {
            item.vis = Visibility::Inherited;
        }
    }

    fn visit_expr_mut(&mut self, expression: &mut Expr) {
        let span = expression.span();
        match expression {
            Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => {
                let (digits, suffix) = (number.base10_digits(), number.suffix());
                let value = Lit::Int(syn::LitInt::new(&format!("{digits}u128"), span));
                *expression = match suffix {
                    "" => parse_quote!(crate::number::lit(#value)),
                    _ if NUMBERS.contains(&suffix) => {
                        let number = quote::format_ident!("U{}", &suffix[1..]);
                        parse_quote!(crate::number::lit::<crate::number::#number>(#value))
                    }
                    _ => return,
                };
            }
            Expr::Binary(_) | Expr::Paren(_) if is_known(expression) && has_operator(expression) => {
                native(expression, true);
                *expression = parse_quote!(crate::number::lit(#expression));
            }
            Expr::Cast(cast) => {
                self.visit_expr_mut(&mut cast.expr);
                self.visit_type_mut(&mut cast.ty);
                let (of, to) = (&cast.expr, &cast.ty);
                *expression = parse_quote!(crate::number::cast::<_, #to>(#of));
            }
            // A place, not an amount.
            Expr::Index(index) => self.visit_expr_mut(&mut index.expr),
            // `U256::from(2)`: without a width of its own, a literal is simply the number wanted.
            Expr::Call(call) if is_from(&call.func) && call.args.first().is_some_and(is_literal) => {
                self.visit_expr_mut(&mut call.func);
                let Some(argument) = call.args.first_mut() else { return };
                self.visit_expr_mut(argument);
                if let Expr::Path(function) = &*call.func {
                    let of: Vec<_> = function.path.segments.iter().take(function.path.segments.len() - 1).collect();
                    *expression = parse_quote!(crate::number::exactly::<#(#of)::*>(#argument));
                }
            }
            // What an event says, put together before it is emitted.
            Expr::Struct(event) if event.path.segments.first().is_some_and(|first| first.ident == "abi") => {
                *expression = parse_quote!(());
            }
            Expr::Call(call) if is_named(&call.func, "emit") || is_named(&call.func, "emit_with_bytes") => {
                *expression = parse_quote!({})
            }
            Expr::Call(call) if is_named(&call.func, "revert") => {
                let name = match call.args.first() {
                    Some(Expr::Struct(error)) => error.path.segments.last().map(|last| last.ident.to_string()),
                    _ => None,
                };
                if let Some(name) = name {
                    *expression = parse_quote!(revert(#name));
                }
            }
            _ => visit_mut::visit_expr_mut(self, expression),
        }
    }

    fn visit_type_array_mut(&mut self, array: &mut syn::TypeArray) {
        // Its length counts places.
        self.visit_type_mut(&mut array.elem);
    }

    fn visit_lit_mut(&mut self, _: &mut Lit) {}
}

impl Numbers {
    /// A constant is computed as it was, and becomes a known number.
    fn constant(&mut self, of: &mut syn::Type, value: &mut Expr) {
        let name = type_name(of).unwrap_or_default();
        if name == "U256" {
            native(value, false);
            *value = parse_quote!(crate::number::U256::of_limbs(*#value.as_limbs()));
        } else if NUMBERS.contains(&name.as_str()) {
            let number = quote::format_ident!("U{}", &name[1..]);
            let primitive = quote::format_ident!("{name}");
            native(value, false);
            *value = parse_quote!({
                const VALUE: ::core::primitive::#primitive = #value;
                crate::number::#number::constant(VALUE as ::core::primitive::u128)
            });
        } else {
            return;
        }
        self.visit_type_mut(of);
    }
}

fn is_from(function: &Expr) -> bool {
    matches!(function, Expr::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "from"))
}

/// A literal, mutated or not.
fn is_literal(expression: &Expr) -> bool {
    match expression {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => number.suffix().is_empty(),
        Expr::Binary(binary) => is_literal(&binary.left) && is_literal(&binary.right),
        Expr::Paren(inner) => is_literal(&inner.expr),
        Expr::If(choice) => match choice.then_branch.stmts.as_slice() {
            [Stmt::Expr(inner, None)] => is_literal(inner),
            _ => false,
        },
        _ => false,
    }
}

fn is_named(function: &Expr, name: &str) -> bool {
    matches!(function, Expr::Path(path) if path.path.is_ident(name))
}

/// Whether it consists of literals and constants alone.
pub(crate) fn is_known(expression: &Expr) -> bool {
    match expression {
        Expr::Lit(ExprLit { lit: Lit::Int(_), .. }) => true,
        Expr::Path(path) => is_constant(&path.path),
        Expr::Paren(inner) => is_known(&inner.expr),
        Expr::Binary(binary) => {
            let arithmetic = !matches!(
                binary.op,
                syn::BinOp::Eq(_)
                    | syn::BinOp::Ne(_)
                    | syn::BinOp::Lt(_)
                    | syn::BinOp::Le(_)
                    | syn::BinOp::Gt(_)
                    | syn::BinOp::Ge(_)
            );
            arithmetic && is_known(&binary.left) && is_known(&binary.right)
        }
        _ => false,
    }
}

fn has_operator(expression: &Expr) -> bool {
    match expression {
        Expr::Paren(inner) => has_operator(&inner.expr),
        Expr::Binary(_) => true,
        _ => false,
    }
}

fn is_constant(path: &Path) -> bool {
    path.get_ident().is_some_and(|ident| {
        let name = ident.to_string();
        name.len() > 1 && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    })
}

/// Constants as the primitive numbers that they were; literals 128 bits wide, if asked for.
fn native(expression: &mut Expr, wide: bool) {
    struct Native(bool);
    impl VisitMut for Native {
        fn visit_expr_mut(&mut self, expression: &mut Expr) {
            visit_mut::visit_expr_mut(self, expression);
            match expression {
                Expr::Path(path) if is_constant(&path.path) && !path.path.is_ident("U256") => {
                    let span = path.span();
                    let tokens = quote_spanned!(span=> #path.native());
                    *expression = Expr::Verbatim(quote!((#tokens)));
                }
                Expr::Path(path) if path.path.segments.first().is_some_and(|first| first.ident == "U256") => {
                    let rest = path.path.segments.iter().skip(1);
                    *expression = parse_quote!(::ruint::aliases::U256 #(::#rest)*);
                }
                Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) if self.0 && number.suffix().is_empty() => {
                    *number = syn::LitInt::new(&format!("{}u128", number.base10_digits()), number.span());
                }
                _ => {}
            }
        }
    }
    Native(wide).visit_expr_mut(expression);
}

/// What has laws of its own can give anything where other laws ask for that: the settling of rewards, and what a schedule says of a time.
fn anything(function: &mut syn::ImplItemFn) {
    let outcome: Stmt = match function.sig.ident.to_string().as_str() {
        "settle_to" => parse_quote!(if let Some(any) = crate::host::any_settlement(self) {
            return any;
        }),
        "epoch_number" => parse_quote!(if let Some(any) = crate::host::any_moment(now) {
            return Ok(any.epoch);
        }),
        "time_remaining" => parse_quote!(if let Some(any) = crate::host::any_moment(now) {
            return Ok(any.remaining);
        }),
        "has_started" => parse_quote!(if crate::host::any_moment(now).is_some() {
            return true;
        }),
        "end_of" => parse_quote!(if let Some(any) = crate::host::any_end() {
            return any;
        }),
        _ => return,
    };
    function.block.stmts.insert(0, outcome);
}

/// A stored word that was packed from fields stands for these fields, once it is proved that unpacking undoes packing: the law of words,
/// which runs the bodies themselves.
fn words_of_fields(function: &mut syn::ImplItemFn) {
    if function.sig.ident == "to_word" {
        // What a match gives is put into limbs.
        struct Limbs;
        impl VisitMut for Limbs {
            fn visit_arm_mut(&mut self, arm: &mut syn::Arm) {
                if let Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) = &mut *arm.body {
                    *number = syn::LitInt::new(&format!("{}u64", number.base10_digits()), number.span());
                }
            }
        }
        Limbs.visit_block_mut(&mut function.block);
        function.block.stmts.insert(
            0,
            parse_quote!(if let Some(word) = crate::number::pack(&self) {
                return word;
            }),
        );
    } else if function.sig.ident == "from_word" {
        function.block.stmts.insert(
            0,
            parse_quote!(if let Some(fields) = crate::number::unpack(word) {
                return fields;
            }),
        );
    }
}
