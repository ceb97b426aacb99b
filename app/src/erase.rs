//! Views of one type that are made interactive in one go.

use leptos::prelude::*;
use leptos::tachys::{
    html::attribute::{Attribute, any_attribute::AnyAttribute},
    hydration::Cursor,
    ssr::StreamBuilder,
    view::{Position, PositionState, add_attr::AddAnyAttr},
};

/// Forgets the type of a view, as [`IntoAny`] does, and with it how to wait in the middle of making it interactive. Every `AnyView`
/// carries that way beside the straight one, nobody can tell that it is never taken, and it was over a quarter of the code of a large
/// island, all of which wait for nothing.
pub trait Erase: IntoView {
    /// The view, of the one type of all.
    fn erase(self) -> AnyView {
        Prompt(self).into_any()
    }
}

impl<T: IntoView> Erase for T {}

/// A view that never waits: [`RenderHtml::hydrate_async`] is left as it is given, which is [`RenderHtml::hydrate`].
struct Prompt<T>(T);

impl<T: Render> Render for Prompt<T> {
    type State = T::State;

    fn build(self) -> Self::State {
        self.0.build()
    }

    fn rebuild(self, state: &mut Self::State) {
        self.0.rebuild(state);
    }
}

impl<T: AddAnyAttr> AddAnyAttr for Prompt<T> {
    type Output<A: Attribute> = Prompt<T::Output<A>>;

    fn add_any_attr<A: Attribute>(self, attribute: A) -> Self::Output<A>
    where
        Self::Output<A>: RenderHtml,
    {
        Prompt(self.0.add_any_attr(attribute))
    }
}

impl<T: RenderHtml> RenderHtml for Prompt<T> {
    type AsyncOutput = T::AsyncOutput;
    type Owned = Prompt<T::Owned>;

    const MIN_LENGTH: usize = T::MIN_LENGTH;
    const EXISTS: bool = T::EXISTS;

    fn dry_resolve(&mut self) {
        self.0.dry_resolve();
    }

    async fn resolve(self) -> Self::AsyncOutput {
        self.0.resolve().await
    }

    fn html_len(&self) -> usize {
        self.0.html_len()
    }

    fn to_html_with_buf(self, buf: &mut String, position: &mut Position, escape: bool, mark: bool, attributes: Vec<AnyAttribute>) {
        self.0.to_html_with_buf(buf, position, escape, mark, attributes);
    }

    fn to_html_async_with_buf<const OUT_OF_ORDER: bool>(
        self,
        buf: &mut StreamBuilder,
        position: &mut Position,
        escape: bool,
        mark: bool,
        attributes: Vec<AnyAttribute>,
    ) {
        self.0.to_html_async_with_buf::<OUT_OF_ORDER>(buf, position, escape, mark, attributes);
    }

    fn hydrate<const FROM_SERVER: bool>(self, cursor: &Cursor, position: &PositionState) -> Self::State {
        self.0.hydrate::<FROM_SERVER>(cursor, position)
    }

    fn into_owned(self) -> Self::Owned {
        Prompt(self.0.into_owned())
    }
}
