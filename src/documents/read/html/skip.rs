//! What of a page is no text of it: scripts, styles, menus.

use super::attribute;
use html5gum::StartTag;

/// An element that is left out with all that is in it, and how many of its name are open inside.
struct Left {
    name: String,
    depth: usize,
    is_menu: bool,
}

/// Decides what is left out.
pub(super) struct Skip {
    menus: bool,
    left: Option<Left>,
    in_title: bool,
}

impl Skip {
    /// `menus`: whether menus are left out.
    pub fn new(menus: bool) -> Self {
        Skip { menus, left: None, in_title: false }
    }

    /// Takes an opening tag; whether it belongs to what is left out.
    pub fn start(&mut self, name: &str, tag: &StartTag<()>) -> bool {
        if let Some(left) = &mut self.left {
            left.depth += usize::from(left.name == name && !tag.self_closing);
            return true;
        }
        if name == "title" && !tag.self_closing {
            self.in_title = true;
            return false;
        }
        let is_code =
            matches!(name, "script" | "style" | "template" | "svg" | "math" | "noframes" | "iframe" | "object");
        let is_menu = self.menus && is_menu(name, tag);
        if (is_code || is_menu) && !tag.self_closing && !is_void(name) {
            self.left = Some(Left { name: name.to_owned(), depth: 1, is_menu });
        }
        is_code || is_menu
    }

    /// Takes a closing tag; whether it belongs to what is left out.
    pub fn end(&mut self, name: &str) -> bool {
        self.in_title &= name != "title";
        let Some(left) = &mut self.left else { return name == "title" };
        left.depth -= usize::from(left.name == name);
        if left.depth == 0 {
            self.left = None;
        }
        true
    }

    /// Whether words are left out here.
    pub fn is_on(&self) -> bool {
        self.left.is_some() || self.in_title
    }

    pub fn is_in_title(&self) -> bool {
        self.in_title && self.left.is_none()
    }

    /// Whether a menu is open.
    pub fn is_in_menu(&self) -> bool {
        self.left.as_ref().is_some_and(|left| left.is_menu)
    }
}

/// `nav`, what says that it is navigation, and the little marks beside headlines that link to them.
fn is_menu(name: &str, tag: &StartTag<()>) -> bool {
    if name == "nav" {
        return true;
    }
    if attribute(tag, "role").is_some_and(|role| role == "navigation" || role == "search") {
        return true;
    }
    let marks = ["headerlink", "navbar", "navigation", "sphinxsidebar", "breadcrumbs", "skip-link"];
    !matches!(name, "body" | "html" | "main")
        && attribute(tag, "class").is_some_and(|class| class.split_whitespace().any(|word| marks.contains(&word)))
}

fn is_void(name: &str) -> bool {
    matches!(
        name,
        "br" | "hr" | "img" | "input" | "link" | "meta" | "area" | "base" | "col" | "embed" | "source" | "wbr"
    )
}
