//! How views are made of what they show.

use super::{
    CategoryView, DiscountView, ImageView, LanesView, LineOptionView, LineView, MakingView, MenuView, ModifierView, Naming, OptionView,
    OrderView, ProductView, QueueView, QuoteView, StoreView, TicketView, VariantView,
};
use crate::{
    Locale, ProductId, Text, Timestamp,
    catalog::{self, Menu},
    pricing::{Quote, QuoteLine},
};

impl MenuView {
    /// The menu as it is at `now`, in one language. A variant without a price is not for sale and left out.
    pub fn of(menu: &Menu, locale: Locale, now: Timestamp) -> Self {
        let categories = menu
            .categories
            .iter()
            .map(|c| CategoryView {
                id: c.id.clone(),
                name: c.name.in_locale(locale).to_owned(),
                products: c.products.iter().map(|p| ProductView::of(p, locale, now)).collect(),
            })
            .collect();
        Self { store: menu.store.clone(), version: menu.version, categories }
    }
}

impl ProductView {
    pub fn of(product: &catalog::Product, locale: Locale, now: Timestamp) -> Self {
        let text = |t: &Text| t.in_locale(locale).to_owned();
        let variants = product
            .variants
            .iter()
            .filter_map(|v| {
                let (price, list_price) = (v.price_at(now)?, v.list_price()?);
                Some(VariantView {
                    sku: v.sku.clone(),
                    name: text(&v.name),
                    price,
                    list_price,
                    available: v.available,
                    out_of_stock: v.out_of_stock,
                })
            })
            .collect();
        let modifiers = product
            .modifiers
            .iter()
            .map(|g| ModifierView {
                id: g.id.clone(),
                name: text(&g.name),
                min: g.min,
                max: g.max,
                options: g
                    .options
                    .iter()
                    .map(|o| OptionView { id: o.id.clone(), name: text(&o.name), price: o.price, available: o.available })
                    .collect(),
            })
            .collect();
        Self {
            id: product.id.clone(),
            name: text(&product.name),
            description: text(&product.description),
            image: product.image.as_ref().map(|i| ImageView {
                alt: text(&i.alt),
                width: i.width,
                height: i.height,
                sources: i.sources.clone(),
                url: i.url.clone(),
            }),
            variants,
            modifiers,
        }
    }
}

impl LineView {
    pub fn of(line: &QuoteLine, naming: Naming) -> Self {
        Self {
            sku: line.sku.clone(),
            product: line.product.clone(),
            name: naming.name(&line.name),
            names: naming.names(&line.name),
            variant: naming.name(&line.variant),
            variant_names: naming.names(&line.variant),
            options: line
                .options
                .iter()
                .map(|o| LineOptionView { id: o.id.clone(), name: naming.name(&o.name), names: naming.names(&o.name) })
                .collect(),
            quantity: line.quantity,
            unit_price: line.unit_price,
            total: line.total,
        }
    }

    /// The same line in the reader's language, where `names` came with it.
    pub fn localize(&mut self, locale: Locale) {
        let pick = |names: &Option<Text>, name: &mut String| {
            if let Some(text) = names {
                text.in_locale(locale).clone_into(name);
            }
        };
        pick(&self.names, &mut self.name);
        pick(&self.variant_names, &mut self.variant);
        for option in &mut self.options {
            pick(&option.names, &mut option.name);
        }
    }
}

impl QuoteView {
    pub fn of(quote: &Quote, naming: Naming) -> Self {
        Self {
            subtotal: quote.subtotal,
            discounts: quote
                .discounts
                .iter()
                .map(|d| DiscountView {
                    promotion: d.promotion.clone(),
                    name: naming.name(&d.name),
                    amount: d.amount,
                    lines: d.lines.clone(),
                })
                .collect(),
            shipping: quote.shipping,
            tax: quote.tax,
            total: quote.total,
            lines: quote.lines.iter().map(|l| LineView::of(l, naming)).collect(),
            explanations: quote.explanations.clone(),
        }
    }
}

impl OrderView {
    pub fn localize(&mut self, locale: Locale) {
        for line in self.lines.iter_mut().chain(&mut self.quote.lines) {
            line.localize(locale);
        }
    }
}

impl QueueView {
    pub fn localize(&mut self, locale: Locale) {
        let LanesView { queued, making, ready } = &mut self.lanes;
        for line in queued.iter_mut().chain(making).chain(ready).flat_map(|t| &mut t.lines) {
            line.localize(locale);
        }
        for making in &mut self.making {
            making.localize(locale);
        }
    }
}

impl LanesView {
    /// Those of all lanes: what is queued first, then what is in the making, then what is ready.
    pub fn tickets(&self) -> impl Iterator<Item = &TicketView> {
        self.queued.iter().chain(&self.making).chain(&self.ready)
    }
}

impl MakingView {
    pub fn of(product: ProductId, name: &Text, seconds: i64, naming: Naming) -> Self {
        Self { product, name: naming.name(name), names: naming.names(name), seconds }
    }

    pub fn localize(&mut self, locale: Locale) {
        if let Some(names) = &self.names {
            names.in_locale(locale).clone_into(&mut self.name);
        }
    }
}

impl StoreView {
    pub fn localize(&mut self, locale: Locale) {
        if let Some(names) = &self.names {
            names.in_locale(locale).clone_into(&mut self.name);
        }
    }
}
