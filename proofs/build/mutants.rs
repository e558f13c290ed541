//! Mutants: each operator of the arithmetic gets the others beside it, and a number that chooses.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    BinOp, Expr, ExprLit, File, Lit, UnOp, parse_quote,
    spanned::Spanned,
    visit_mut::{self, VisitMut},
};

/// File, line and column, function, and into what.
type Site = (String, (usize, usize), String, Vec<String>);

/// Where something can be changed.
#[derive(Default)]
pub(crate) struct Sites {
    all: Vec<Site>,
    file: String,
    function: String,
    /// Whether fields are put into words, or taken out: there, only bits are changed.
    of_words: bool,
}

const COMPARISONS: [&str; 6] = ["<", "<=", ">", ">=", "==", "!="];
const METHODS: &[(&str, &[&str])] = &[
    ("checked_add", &["checked_sub", "checked_mul"]),
    ("checked_sub", &["checked_add"]),
    ("checked_mul", &["checked_add", "checked_div"]),
    ("checked_div", &["checked_mul", "checked_rem"]),
    ("checked_rem", &["checked_div"]),
    ("saturating_add", &["saturating_sub", "saturating_mul"]),
    ("saturating_sub", &["saturating_add"]),
    ("saturating_mul", &["saturating_add"]),
    ("div_ceil", &["div_floor"]),
    ("min", &["max"]),
];

const BITS: &[(&str, &[&str])] = &[("|", &["^", "&"]), ("&", &["|"]), ("<<", &[">>"]), (">>", &["<<"])];

impl Sites {
    pub(crate) fn visit(&mut self, file: &str, source: &mut File) {
        self.file = file.into();
        self.visit_file_mut(source);
    }

    pub(crate) fn table(&self) -> TokenStream {
        let rows = self.all.iter().map(|(file, (line, column), function, changes)| {
            quote! { crate::mutants::Site { file: #file, line: (#line, #column), function: #function, changes: &[#(#changes),*] } }
        });
        quote! { pub const SITES: &[crate::mutants::Site] = &[#(#rows),*]; }
    }

    fn site(&mut self, line: (usize, usize), changes: Vec<String>) -> usize {
        self.all.push((self.file.clone(), line, self.function.clone(), changes));
        self.all.len() - 1
    }
}

impl Sites {
    /// Bits as others: how fields are put into words.
    fn bits(&mut self, expression: &mut Expr, line: (usize, usize)) {
        let Expr::Binary(binary) = expression else { return };
        let op = binary.op.to_string();
        let Some((_, others)) = BITS.iter().find(|(known, _)| *known == op) else { return };
        let site = self.site(line, others.iter().map(|other| format!("`{op}` as `{other}`")).collect());
        let (left, right) = (&binary.left, &binary.right);
        let arms = others.iter().enumerate().map(|(at, other)| {
            let (number, other): (usize, BinOp) = (at + 1, syn::parse_str(other).expect("an operator"));
            quote! { #number => left #other right, }
        });
        let op = binary.op;
        *expression = parse_quote!(({
            let (left, right) = (#left, #right);
            match crate::mutants::chosen(#site) { #(#arms)* _ => left #op right }
        }));
    }
}

impl VisitMut for Sites {
    fn visit_item_fn_mut(&mut self, function: &mut syn::ItemFn) {
        self.function = function.sig.ident.to_string();
        visit_mut::visit_item_fn_mut(self, function);
    }

    fn visit_item_impl_mut(&mut self, item: &mut syn::ItemImpl) {
        let name = match &*item.self_ty {
            syn::Type::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default(),
            _ => String::new(),
        };
        for member in &mut item.items {
            let syn::ImplItem::Fn(function) = member else { continue };
            self.of_words = ["from_word", "to_word"].contains(&function.sig.ident.to_string().as_str());
            self.function = format!("{name}::{}", function.sig.ident);
            self.visit_impl_item_fn_mut(function);
            self.of_words = false;
        }
    }

    fn visit_item_const_mut(&mut self, _: &mut syn::ItemConst) {}

    fn visit_expr_mut(&mut self, expression: &mut Expr) {
        let start = operator(expression).start();
        let line = (start.line, start.column + 1);
        // `(1 << 40) - 1` is a constant without a name.
        if matches!(expression, Expr::Binary(_) | Expr::Paren(_)) && crate::numbers::is_known(expression) {
            return;
        }
        visit_mut::visit_expr_mut(self, expression);
        if self.of_words {
            return self.bits(expression, line);
        }
        match expression {
            Expr::Binary(binary) => match binary.op {
                BinOp::Lt(_) | BinOp::Le(_) | BinOp::Gt(_) | BinOp::Ge(_) | BinOp::Eq(_) | BinOp::Ne(_) => {
                    let op = binary.op.to_string();
                    let ordered = !matches!(binary.op, BinOp::Eq(_) | BinOp::Ne(_));
                    // What has no order, is equal or not.
                    let others: Vec<&str> = COMPARISONS
                        .into_iter()
                        .filter(|other| *other != op && (ordered || ["==", "!="].contains(other)))
                        .collect();
                    let site = self.site(line, others.iter().map(|other| format!("`{op}` as `{other}`")).collect());
                    let (left, right) = (&binary.left, &binary.right);
                    let arms = others.iter().enumerate().map(|(at, other)| {
                        let (number, other): (usize, BinOp) = (at + 1, syn::parse_str(other).expect("an operator"));
                        quote! { #number => left #other right, }
                    });
                    let op = binary.op;
                    *expression = parse_quote!({
                        let (left, right) = (#left, #right);
                        match crate::mutants::chosen(#site) { #(#arms)* _ => left #op right }
                    });
                }
                BinOp::And(_) | BinOp::Or(_) => {
                    let and = matches!(binary.op, BinOp::And(_));
                    let change = if and { "`&&` as `||`" } else { "`||` as `&&`" };
                    let site = self.site(line, vec![change.into()]);
                    let (left, right) = (&binary.left, &binary.right);
                    *expression = if and {
                        parse_quote!((match crate::mutants::chosen(#site) { 1usize => (#left) || (#right), _ => (#left) && (#right) }))
                    } else {
                        parse_quote!((match crate::mutants::chosen(#site) { 1usize => (#left) && (#right), _ => (#left) || (#right) }))
                    };
                }
                _ => {}
            },
            Expr::Unary(unary) if matches!(unary.op, UnOp::Not(_)) => {
                let site = self.site(line, vec!["`!` left out".into()]);
                let operand = &unary.expr;
                *expression = parse_quote!({ let operand = #operand; if crate::mutants::chosen(#site) == 1usize { operand } else { !operand } });
            }
            Expr::MethodCall(call) if call.args.len() == 1 => {
                let method = call.method.to_string();
                let Some((_, others)) = METHODS.iter().find(|(known, _)| *known == method) else { return };
                let site = self.site(line, others.iter().map(|other| format!("`{method}` as `{other}`")).collect());
                let (receiver, argument, original) = (&call.receiver, call.args.first(), &call.method);
                let arms = others.iter().enumerate().map(|(at, other)| {
                    let (number, other) = (at + 1, quote::format_ident!("{other}"));
                    quote! { #number => receiver.#other(argument), }
                });
                *expression = parse_quote!({
                    let receiver = #receiver;
                    let argument = #argument;
                    match crate::mutants::chosen(#site) { #(#arms)* _ => receiver.#original(argument) }
                });
            }
            Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) if number.suffix().is_empty() => {
                let site = self.site(line, vec![format!("`{number}` as one more")]);
                *expression =
                    parse_quote!((if crate::mutants::chosen(#site) == 1usize { #number + 1 } else { #number }));
            }
            _ => {}
        }
    }
}

/// Where that stands which can be changed.
fn operator(expression: &Expr) -> proc_macro2::Span {
    match expression {
        Expr::Binary(binary) => binary.op.span(),
        Expr::MethodCall(call) => call.method.span(),
        other => other.span(),
    }
}

trait Text {
    fn to_string(&self) -> String;
}

impl Text for BinOp {
    fn to_string(&self) -> String {
        quote!(#self).to_string()
    }
}
