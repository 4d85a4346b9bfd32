//! Does the page show what replicas have heard of each other where nodes may lie?

use serde::Deserialize;

use super::cluster::{go_to, open_at, step_until, text};
use super::page::Page;
use super::process::Server;
use super::shape::fits_sideways;
use super::{Look, browse};

/// What one grid says: whose it is, its heading, the names of its groups, and how each column stands.
const GRIDS: &str = r#"
    return [...document.querySelectorAll('[data-testid^="grid-"]')].map(grid => ({
        node: grid.dataset.testid.slice(5),
        says: grid.querySelector('.of span').textContent,
        groups: [...grid.querySelectorAll('[scope=colgroup]')].map(head => head.getAttribute('aria-label')),
        heard: grid.querySelectorAll('[aria-label=heard]').length,
        counts: [...grid.querySelectorAll('tfoot td')].map(cell => cell.textContent).filter(text => text !== ''),
    }))
"#;

/// Whether one replica has answered a client and the others have not.
const NOT_PROVEN: &str = r#"
    return [...document.querySelectorAll('[data-testid=operation]')]
        .some(operation => /told, not proven · n\d: 1 of 2 equal replies/.test(operation.textContent))
"#;

#[derive(Debug, Deserialize)]
struct Seen {
    node: String,
    says: String,
    groups: Vec<String>,
    heard: u32,
    counts: Vec<String>,
}

async fn grids(page: &Page) -> Vec<Seen> {
    page.read(GRIDS).await
}

/// The blocks in the order in which they are drawn: what assistive technology reads of each.
async fn blocks(page: &Page) -> Vec<String> {
    page.read(
        "return [...document.querySelectorAll('[data-testid=block]')].map(block => block.getAttribute('aria-label'))",
    )
    .await
}

async fn tell(page: &Page, server: &Server) {
    let picture = |stage: &'static str| {
        let name = format!("{}-board-{stage}", page.look.name());
        async move {
            page.screenshot(&name).await;
            fits_sideways(page).await;
        }
    };
    open_at(page, server, "pbft-silent-primary", 0.0).await;
    step_until(page, "return document.querySelectorAll('.board .full').length > 0").await;
    let growing = grids(page).await;
    assert_eq!(growing.len(), 4);
    assert!(growing.iter().any(|grid| grid.counts.iter().any(|count| count == "1/3" || count == "2/3")), "{growing:?}");
    picture("votes").await;
    if !page.look.is_phone() {
        step_until(page, NOT_PROVEN).await;
        picture("told").await;
    }

    go_to(page, 0.1).await;
    for grid in grids(page).await {
        assert_eq!(grid.says, "view 0, primary n1");
        assert!(grid.groups[0].starts_with("sequence number s1: 1 request, "), "{grid:?}");
        assert!(grid.counts.len() == 2 && grid.heard >= 5, "{grid:?}");
    }

    go_to(page, 1.2).await;
    step_until(page, "return document.querySelector('.board [aria-label^=\"view 1: asked for by\"]') !== null").await;
    let changing = grids(page).await;
    assert_eq!((changing[0].node.as_str(), changing[0].says.as_str()), ("n1", "does not run"));
    assert!(changing.iter().any(|grid| grid.says == "has left its view for view 1"), "{changing:?}");
    picture("view-change").await;

    page.click("views-board").await;
    page.wait_for("return document.querySelector('.board.alone') !== null && document.querySelector('.ring') === null")
        .await;
    picture("votes-alone").await;
    page.click_on("[data-testid=grid-n3] button").await;
    page.wait_for("return document.querySelector('[data-testid=grid-n3] [aria-pressed=true]') !== null").await;
    if page.look.is_phone() {
        page.read::<Option<bool>>("document.querySelector('.panel.open .sheet-close')?.click(); return null").await;
    }

    open_at(page, server, "hotstuff-silent-leader", 0.5).await;
    page.wait_for("return document.querySelectorAll('[data-testid=block]').length > 2").await;
    let tree = blocks(page).await;
    for part in ["; certified", "; locked on it: ", "; highest certificate of "] {
        assert!(tree.iter().any(|block| block.contains(part)), "{part}: {tree:?}");
    }
    assert!(tree.iter().all(|block| block.starts_with("block of view ")), "{tree:?}");
    picture("blocks-alone").await;
    page.click("views-both").await;
    page.wait_for("return document.querySelector('.ring') !== null && document.querySelector('.tree') !== null").await;
    picture("blocks").await;

    // A run without a board has its log under the ring, whatever was looked at before.
    open_at(page, server, "leader-lost", 0.5).await;
    page.wait_for("return document.querySelector('.log') !== null && document.querySelector('.board') === null").await;
    assert!(!text(page, ".segments").await.contains("Votes"));
}

/// A node is made to lie from its menu, and every picture says so from then on; undone, it was always honest.
async fn deceive(page: &Page, server: &Server) {
    let masks = "return [...document.querySelectorAll('.mask')].map(mask => mask.dataset.testid)";
    open_at(page, server, "pbft-silent-primary", 0.2).await;
    page.click_node("n3").await;
    page.click_on("[data-testid=deceive] summary").await;
    page.screenshot(&format!("{}-board-tricks", page.look.name())).await;
    page.click_on("[data-testid=lie-withhold]").await;
    page.wait_for("return document.querySelector('[data-testid=liar-n3]') !== null").await;
    assert_eq!(page.read::<Vec<String>>(masks).await, ["liar-n3"]);
    let name: String = page.read("return document.querySelector('[data-node=n3]').getAttribute('aria-label')").await;
    assert!(name.contains("backup, lies"), "{name}");
    page.screenshot(&format!("{}-board-liar", page.look.name())).await;
    page.click("undo").await;
    page.wait_for("return document.querySelector('.mask') === null").await;

    // Nodes of Raft believe each other: none of them is offered to lie.
    open_at(page, server, "leader-lost", 0.5).await;
    page.click_node("n1").await;
    page.wait_for("return document.querySelector('[data-testid=crash]') !== null").await;
    assert!(page.read::<bool>("return document.querySelector('[data-testid=deceive]') === null").await);
}

/// The hybrid tells in which instance it is, how threatened its replicas feel, and when they went over.
async fn threaten(page: &Page, server: &Server) {
    let picture = |stage: &'static str| {
        let name = format!("{}-hybrid-{stage}", page.look.name());
        async move {
            page.screenshot(&name).await;
            fits_sideways(page).await;
        }
    };
    let levels = "return [...document.querySelectorAll('[data-threat]')].map(node => node.dataset.threat)";
    open_at(page, server, "hybrid-under-attack", 0.9).await;
    for grid in grids(page).await {
        assert_eq!(grid.says, "two rounds, term 0, leader n1");
    }
    assert_eq!(page.read::<Vec<String>>(levels).await, ["none"; 4]);
    picture("rounds").await;
    go_to(page, 1.5).await;
    step_until(
        page,
        "return [...document.querySelectorAll('[data-threat]')].some(node => node.dataset.threat === 'high')",
    )
    .await;
    picture("threat").await;
    let threatened: String = page.read("return document.querySelector('[data-threat=high]').dataset.node").await;
    page.click_node(&threatened).await;
    let why = text(page, "[data-testid=threat]").await;
    assert!(why.starts_with("high: 6 signs of lies on the channel of n1"), "{why}");
    page.screenshot(&format!("{}-hybrid-inspector", page.look.name())).await;
    if page.look.is_phone() {
        page.read::<Option<bool>>("document.querySelector('.panel.open .sheet-close')?.click(); return null").await;
    }
    go_to(page, 5.0).await;
    page.wait_for("return document.querySelector('[data-testid=mark-switch]') !== null").await;
    let told = text(page, "[data-testid=mark-switch] title").await;
    assert!(told.contains("went over to PBFT"), "{told}");
    assert!(grids(page).await.iter().any(|grid| grid.says.starts_with("PBFT: view ")));
    picture("pbft").await;
}

#[test]
fn the_hybrid_shows_its_rounds_its_threat_and_its_switch() {
    browse(Look::WIDE, threaten);
}

#[test]
fn the_hybrid_fits_a_phone_in_the_light() {
    browse(Look::PHONE.light(), threaten);
}

/// That a node lies is what the run made of it; that it is convicted is what the cluster decided, and comes later.
async fn convict(page: &Page, server: &Server) {
    let sealed =
        "return [...document.querySelectorAll('[data-testid^=\"convicted-\"]')].map(seal => seal.dataset.testid)";
    let named = |part: &'static str| format!("return document.querySelector('{part}').getAttribute('aria-label')");
    let picture = |stage: &'static str| {
        let name = format!("{}-convicted-{stage}", page.look.name());
        async move {
            page.screenshot(&name).await;
            fits_sideways(page).await;
        }
    };
    open_at(page, server, "hybrid-convicted", 1.55).await;
    page.wait_for("return document.querySelector('[data-testid=liar-n1]') !== null").await;
    assert!(page.read::<Vec<String>>(sealed).await.is_empty(), "it lies, and nobody has decided anything");
    let name: String = page.read(&named("[data-node=n1]")).await;
    assert!(name.contains(", lies") && !name.contains("convicted"), "{name}");

    go_to(page, 4.0).await;
    page.wait_for("return document.querySelector('[data-testid=convicted-n1]') !== null").await;
    assert_eq!(page.read::<Vec<String>>(sealed).await, ["convicted-n1"]);
    let name: String = page.read(&named("[data-node=n1]")).await;
    assert!(name.contains(", lies, convicted"), "{name}");
    let title = text(page, "[data-testid=convicted-n1] title").await;
    let sentence = "The cluster has convicted n1: it acknowledged two histories at one place of one term";
    assert!(title.starts_with(sentence), "{title}");
    let legend = text(page, ".legend").await;
    assert!(legend.contains("convicted"), "{legend}");
    picture("ring").await;
    page.click_node("n1").await;
    let verdict = text(page, "[data-testid=verdict]").await;
    assert!(verdict.contains(sentence) && verdict.contains("known to ") && verdict.contains(" ms: "), "{verdict}");
    picture("inspector").await;
    if page.look.is_phone() {
        page.read::<Option<bool>>("document.querySelector('.panel.open .sheet-close')?.click(); return null").await;
    }

    page.click("views-lanes").await;
    page.wait_for("return document.querySelector('[data-testid=lane-n1]') !== null").await;
    let lane: String = page.read(&named("[data-testid=lane-n1]")).await;
    assert!(lane.ends_with(", lies, convicted"), "{lane}");
    assert!(text(page, "[data-testid=lane-n1]").await.contains('§'));
    assert!(!text(page, "[data-testid=lane-n2]").await.contains('§'));
    picture("lanes").await;
}

#[test]
fn who_is_convicted_wears_a_seal_beside_the_mask_of_who_lies() {
    browse(Look::WIDE, convict);
}

#[test]
fn a_verdict_is_shown_on_a_phone_in_the_light() {
    browse(Look::PHONE.light(), convict);
}

/// Two of four lie together: the page says that nothing is promised, and then shows what broke.
#[test]
fn more_liars_than_the_protocol_bears_are_made_from_menus_and_agreement_breaks() {
    browse(Look::WIDE, async |page, server| {
        open_at(page, server, "pbft-silent-primary", 0.2).await;
        for (node, lie) in [("n1", "lie-twins"), ("n2", "together-twins")] {
            page.click_node(node).await;
            page.wait_for(&format!("return document.querySelector('.inspect h2').textContent.includes('{node}')"))
                .await;
            page.click_on("[data-testid=deceive]:not([open]) summary, [data-testid=deceive][open] .quiet").await;
            page.click(lie).await;
            page.wait_for(&format!("return document.querySelector('[data-testid=liar-{node}]') !== null")).await;
        }
        page.wait_for(
            "return document.querySelector('[data-testid=hint]').textContent.includes('nothing is promised')",
        )
        .await;
        page.screenshot("wide-dark-too-many-liars").await;
        assert!(text(page, "[data-testid=liars]").await.starts_with("n1, n2 lie, and at most 1 of 4 may"));
    });
    browse(Look::WIDE, async |page, server| {
        open_at(page, server, "pbft-two-liars", 5.0).await;
        page.wait_for("return document.querySelector('[data-testid=mark-violation]') !== null").await;
        page.wait_for("return document.querySelector('.checks .bad') !== null").await;
        assert!(text(page, ".checks").await.to_lowercase().contains("✕agreement"));
        assert!(text(page, "[data-testid=hint]").await.contains("broken"));
        page.screenshot("wide-dark-agreement-broken").await;
    });
}

#[test]
fn a_node_is_made_to_lie_from_its_menu_and_wears_a_mask() {
    browse(Look::WIDE, deceive);
}

#[test]
fn quorums_fill_up_and_blocks_follow_each_other() {
    browse(Look::WIDE, tell);
}

#[test]
fn the_board_shows_the_same_in_the_light_and_without_motion() {
    browse(Look::WIDE.light().still(), tell);
}

#[test]
fn the_board_fits_a_phone() {
    browse(Look::PHONE, tell);
}
