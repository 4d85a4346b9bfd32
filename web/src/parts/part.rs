//! How is a part drawn anew only when it must be?
//!
//! One component for all parts that are functions of their props: it keeps what
//! was drawn while the props are equal. A component of its own for each would
//! bring its own copy of the life of a component, several kilobytes a piece.
//! What keeps a state of its own (a form, a drag) is a component still.

use core::any::Any;
use std::rc::Rc;

use yew::prelude::*;

/// Draws `props` by `draw`, anew only when they differ from the last ones at this place.
pub fn part<P: PartialEq + 'static>(props: P, draw: fn(&P) -> Html) -> Html {
    html! { <Part part={Drawn(Rc::new((props, draw)))} /> }
}

trait Draw {
    fn draw(&self) -> Html;
    fn is_same(&self, other: &dyn Draw) -> bool;
    fn as_any(&self) -> &dyn Any;
}

impl<P: PartialEq + 'static> Draw for (P, fn(&P) -> Html) {
    fn draw(&self) -> Html {
        (self.1)(&self.0)
    }

    fn is_same(&self, other: &dyn Draw) -> bool {
        other.as_any().downcast_ref::<Self>().is_some_and(|other| self.0 == other.0)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[derive(Clone)]
struct Drawn(Rc<dyn Draw>);

impl PartialEq for Drawn {
    fn eq(&self, other: &Self) -> bool {
        self.0.is_same(&*other.0)
    }
}

#[derive(Properties, PartialEq)]
struct Props {
    part: Drawn,
}

#[component]
fn Part(props: &Props) -> Html {
    props.part.0.draw()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn<P: PartialEq + 'static>(props: P) -> Drawn {
        Drawn(Rc::new((props, (|_| Html::default()) as fn(&P) -> Html)))
    }

    #[test]
    fn a_part_is_the_same_while_its_props_are_equal() {
        assert!(drawn(7) == drawn(7));
        assert!(drawn(7) != drawn(8));
        assert!(drawn(7_u8) != drawn(7_u16));
    }
}
