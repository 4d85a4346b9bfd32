//! Does the page show and do it where voters change and nodes may lie?

use fantoccini::key::Key;

use super::cluster::{go_to, open_at, open_details, parts, step_until, text};
use super::keyboard::tab_to;
use super::page::Page;
use super::process::Server;
use super::shape::fits_sideways;
use super::story::on_panel;
use super::{Look, browse};

async fn named(page: &Page, selector: &str) -> String {
    page.read(&format!("return document.querySelector('{selector}')?.getAttribute('aria-label') ?? ''")).await
}

async fn close_sheet(page: &Page) {
    if page.look.is_phone() {
        page.read::<Option<bool>>("document.querySelector('.panel.open .sheet-close')?.click(); return null").await;
        page.wait_for("return document.querySelector('.panel.inspect').getAnimations().length === 0").await;
    }
}

/// Who votes is said by ring, lanes, board, inspector and timeline, before, at and after a change.
async fn tell(page: &Page, server: &Server, protocol: &'static str) {
    let picture = |stage: &'static str| {
        let name = format!("{}-voters-{protocol}-{stage}", page.look.name());
        async move {
            page.screenshot(&name).await;
            fits_sideways(page).await;
        }
    };
    open_at(page, server, &format!("{protocol}-members"), 1.9).await;
    assert_eq!(parts(page).await, ["voter", "voter", "voter", "voter", "spare"]);
    let spare = named(page, "[data-node=n5]").await;
    assert!(spare.starts_with("n5, stands by, no vote"), "{spare}");
    let hint = text(page, "[data-testid=hint]").await;
    assert!(hint.contains("n4 is down") && hint.contains("n5 in the place of n4"), "{hint}");
    assert!(page.read::<bool>("return document.querySelector('[data-testid=mark-epoch]') !== null").await);
    picture("1-before").await;

    go_to(page, 2.0).await;
    step_until(page, "return document.querySelector('[data-node=n5]').dataset.part === 'voter'").await;
    picture("2-change").await;

    go_to(page, 3.5).await;
    assert_eq!(parts(page).await, ["voter", "voter", "voter", "retired", "voter"]);
    let retired = named(page, "[data-node=n4]").await;
    assert_eq!(retired, "n4, crashed, retired");
    let leader = page.seen().await.leader().expect("somebody leads").id.clone();
    let leads = named(page, &format!("[data-node={leader}]")).await;
    assert!(leads.contains("epoch 1, view "), "{leads}");
    let flag = text(page, "[data-testid=mark-epoch] title").await;
    assert!(flag.contains("begins epoch 1: n1, n2, n3, n5 vote"), "{flag}");
    picture("3-after").await;
    page.click_node("n5").await;
    let values = text(page, ".upper .values").await;
    assert!(values.contains("epoch1") && values.contains("partvoter"), "{values}");
    let why: Vec<String> =
        page.read("return [...document.querySelectorAll('[data-testid=why]')].map(why => why.textContent)").await;
    assert!(
        why.iter().any(|why| why.starts_with("Why do n1, n2, n3, n5 vote?") && why.contains("epoch 1 behind")),
        "{why:?}"
    );
    picture("4-inspector").await;
    close_sheet(page).await;
    page.click("views-lanes").await;
    page.wait_for("return document.querySelector('[data-testid=lane-n1]') !== null").await;
    assert_eq!(named(page, "[data-testid=lane-n4]").await, "n4, crashed, retired");
    go_to(page, 2.05).await;
    picture("5-lanes").await;
    page.click("views-board").await;
    page.wait_for("return document.querySelector('.board.alone') !== null").await;
    go_to(page, 6.3).await;
    picture("6-board").await;
}

#[test]
fn a_change_of_voters_is_told_by_every_view_of_pbft() {
    browse(Look::WIDE, async |page, server| tell(page, server, "pbft").await);
}

#[test]
fn a_change_of_voters_is_told_by_every_view_of_hotstuff() {
    browse(Look::WIDE.light(), async |page, server| tell(page, server, "hotstuff").await);
}

#[test]
fn a_change_of_voters_is_told_on_a_phone() {
    browse(Look::PHONE, async |page, server| tell(page, server, "pbft").await);
}

#[test]
fn a_change_of_voters_is_told_on_a_phone_in_the_light() {
    browse(Look::PHONE.light(), async |page, server| tell(page, server, "hotstuff").await);
}

/// The hybrid keeps a change aside under threat, and says so; then every view tells of it as of the others'.
async fn tell_of_the_hybrid(page: &Page, server: &Server) {
    let picture = |stage: &'static str| {
        let name = format!("{}-voters-hybrid-{stage}", page.look.name());
        async move {
            page.screenshot(&name).await;
            fits_sideways(page).await;
        }
    };
    open_at(page, server, "hybrid-members", 4.2).await;
    assert_eq!(parts(page).await, ["voter", "voter", "voter", "voter", "spare"]);
    assert!(named(page, "[data-node=n5]").await.starts_with("n5, stands by, no vote"));
    page.click_node("n2").await;
    let told = text(page, ".inspect .lines").await;
    assert!(told.contains("a change of voters waits until the two rounds are back"), "{told}");
    picture("1-waits").await;
    close_sheet(page).await;

    go_to(page, 19.5).await;
    assert_eq!(parts(page).await, ["retired", "voter", "voter", "voter", "voter"]);
    let retired = named(page, "[data-node=n1]").await;
    assert!(retired.contains("retired, no vote, lies, convicted"), "{retired}");
    let leader = page.seen().await.leader().expect("somebody leads").id.clone();
    let leads = named(page, &format!("[data-node={leader}]")).await;
    assert!(leads.contains("epoch 1, term "), "{leads}");
    let flag = text(page, "[data-testid=mark-epoch] title").await;
    assert!(flag.contains("begins epoch 1: n2, n3, n4, n5 vote; 1 of them may lie"), "{flag}");
    let band = text(page, ".strip svg").await;
    assert!(page.look.is_phone() || band.contains("epoch 1, term "), "{band}");
    picture("2-after").await;
    page.click_node("n5").await;
    let values = text(page, ".upper .values").await;
    assert!(values.contains("epoch1") && values.contains("partvoter"), "{values}");
    let why: Vec<String> =
        page.read("return [...document.querySelectorAll('[data-testid=why]')].map(why => why.textContent)").await;
    assert!(
        why.iter().any(|why| why.starts_with("Why do n2, n3, n4, n5 vote?") && why.contains("1 of them may lie")),
        "{why:?}"
    );
    picture("3-inspector").await;
    close_sheet(page).await;
    page.click("views-lanes").await;
    page.wait_for("return document.querySelector('[data-testid=lane-n1]') !== null").await;
    assert!(named(page, "[data-testid=lane-n1]").await.contains("retired, no vote"));
    picture("4-lanes").await;
    page.click("views-board").await;
    page.wait_for("return document.querySelector('.board.alone') !== null").await;
    let board = text(page, ".board.alone").await;
    assert!(board.contains("epoch 1, two rounds, term "), "{board}");
    picture("5-board").await;
    page.click("views-log").await;
    picture("6-log").await;
}

#[test]
fn a_change_of_voters_is_told_by_every_view_of_the_hybrid() {
    browse(Look::WIDE, tell_of_the_hybrid);
}

#[test]
fn a_change_of_voters_of_the_hybrid_is_told_on_a_phone_in_the_light() {
    browse(Look::PHONE.light(), tell_of_the_hybrid);
}

/// A run of one's own, in which the operator gives votes and takes them, with the mouse.
async fn change(page: &Page, server: &Server, protocol: &'static str) {
    page.open(&server.page).await;
    open_details(page, "own-run").await;
    page.choose("own-protocol", protocol).await;
    page.wait_for("return document.querySelector('[data-testid=own-profile]') === null").await;
    let look = page.look.name();
    page.screenshot(&format!("{look}-own-{protocol}")).await;
    page.click("own-start").await;
    page.until("five nodes of another run", |seen| seen.nodes.len() == 5).await;
    page.wait_for("return document.querySelector('.lesson h3')?.textContent === 'A run of your own'").await;
    assert_eq!(parts(page).await, ["voter", "voter", "voter", "voter", "spare"]);

    go_to(page, 0.6).await;
    page.click_node("n5").await;
    let buttons = text(page, ".inspect .upper").await;
    assert!(!buttons.contains("learner") && !buttons.contains("observer"), "{buttons}");
    const DECEIVES: &str = "return document.querySelector('[data-testid=deceive]') !== null";
    assert!(!page.read::<bool>(DECEIVES).await, "nobody counts what one without a vote says");
    assert!(text(page, "[data-testid=no-lies]").await.contains("give it one first"));
    page.click("promote").await;
    go_to(page, 1.6).await;
    assert_eq!(parts(page).await, ["voter"; 5]);
    assert!(page.read::<bool>(DECEIVES).await, "n5 has a vote now, and may lie with it");

    page.click_node("n1").await;
    open_details(page, "change-members").await;
    page.click("ask-change").await;
    page.wait_for("return document.querySelector('.notice')?.textContent.includes('Nothing would change')").await;
    let waits: bool = page.read("return document.querySelector('[data-testid=change-waits]') !== null").await;
    assert_eq!(waits, protocol == "hybrid", "only there a change may have to wait");
    page.choose("wanted-n1", "remove").await;
    page.screenshot(&format!("{look}-voters-form-{protocol}")).await;
    page.click("ask-change").await;
    go_to(page, 3.2).await;
    assert_eq!(parts(page).await, ["retired", "voter", "voter", "voter", "voter"]);
    let standing = named(page, "[data-node=n1]").await;
    assert!(standing.contains("retired, no vote"), "{standing}");
    let ring = "return getComputedStyle(document.querySelector('[data-node=n1] .body')).strokeDasharray";
    assert_ne!(page.read::<String>(ring).await, "none", "who has no vote has a dotted ring");
    let flags: usize = page.read("return document.querySelectorAll('[data-testid=mark-epoch]').length").await;
    assert_eq!(flags, 2);
    page.screenshot(&format!("{look}-voters-changed-{protocol}")).await;
    fits_sideways(page).await;
}

#[test]
fn voters_of_pbft_are_changed_from_a_node_and_by_the_form() {
    browse(Look::WIDE, async |page, server| change(page, server, "pbft").await);
}

#[test]
fn voters_of_hotstuff_are_changed_from_a_node_and_by_the_form() {
    browse(Look::WIDE, async |page, server| change(page, server, "hotstuff").await);
}

#[test]
fn voters_of_the_hybrid_are_changed_from_a_node_and_by_the_form() {
    browse(Look::WIDE.light(), async |page, server| change(page, server, "hybrid").await);
}

#[test]
fn a_vote_is_given_and_a_node_is_made_to_lie_by_the_keyboard_alone() {
    browse(Look::WIDE, async |page, server| {
        open_at(page, server, "pbft-members", 1.5).await;
        page.press('5').await;
        tab_to(page, "promote").await;
        page.press(Key::Enter.into()).await;
        go_to(page, 1.95).await;
        assert_eq!(parts(page).await, ["voter"; 5]);

        page.press('2').await;
        page.wait_for("return document.querySelector('.inspect h2').textContent.includes('n2')").await;
        tab_to(page, "lie-menu").await;
        page.press(Key::Enter.into()).await;
        page.wait_for("return document.querySelector('[data-testid=deceive][open]') !== null").await;
        tab_to(page, "lie-silent").await;
        let told: String = page
            .read("return document.getElementById(document.activeElement.getAttribute('aria-describedby')).textContent")
            .await;
        assert_eq!(told, "it says nothing at all");
        page.press(Key::Enter.into()).await;
        page.wait_for("return document.querySelector('[data-testid=liar-n2]') !== null").await;
        page.wait_for(
            "return document.querySelector('[data-testid=lie-silent]').getAttribute('aria-pressed') === 'true'",
        )
        .await;
        let lies = text(page, "[data-testid=lies]").await;
        assert!(!lies.contains("picks out"), "it is silent to all: {lies}");
    });
}

#[test]
fn the_inspector_says_how_a_node_lies_and_since_when() {
    browse(Look::WIDE, async |page, server| {
        open_at(page, server, "pbft-replaces-convicted", 0.9).await;
        page.click_node("n1").await;
        assert!(page.read::<bool>("return document.querySelector('[data-testid=lies]') === null").await);
        go_to(page, 1.2).await;
        page.wait_for("return document.querySelector('[data-testid=lies]') !== null").await;
        let lies = text(page, "[data-testid=lies]").await;
        assert!(lies.starts_with("since 1000.0 ms, and for good"), "{lies}");
        assert!(lies.contains("twins: two copies under one key") && lies.contains("It picks out n4."), "{lies}");
        page.screenshot("wide-dark-voters-lies").await;
        go_to(page, 9.0).await;
        let standing = named(page, "[data-node=n1]").await;
        assert!(standing.contains("retired, no vote, lies, convicted"), "{standing}");
        page.screenshot("wide-dark-voters-convicted-retired").await;
    });
}

/// More liars than PBFT bears: two honest replicas hold different values at one place, and every view says so.
async fn part_ways(page: &Page, server: &Server) {
    let picture = |stage: &'static str| {
        let name = format!("{}-two-liars-{stage}", page.look.name());
        async move {
            page.screenshot(&name).await;
            fits_sideways(page).await;
        }
    };
    open_at(page, server, "pbft-two-liars", 5.0).await;
    page.wait_for("return document.querySelector('[data-testid=differs-n3]') !== null").await;
    let held = [text(page, "[data-testid=differs-n3]").await, text(page, "[data-testid=differs-n4]").await];
    assert!(held[0].contains("coin=Ann") && held[1].contains("coin=Bob"), "{held:?}");
    let hint = text(page, "[data-testid=hint]").await;
    assert!(hint.contains("broken") && hint.contains("coin=Ann at n3") && hint.contains("coin=Bob at n4"), "{hint}");
    picture("ring").await;
    on_panel(page, async || {
        page.click_node("n3").await;
    })
    .await;
    page.click("views-log").await;
    page.wait_for("return document.querySelectorAll('.log .differs').length === 4").await;
    picture("log").await;
}

#[test]
fn where_too_many_lie_different_values_at_one_place_are_named() {
    browse(Look::WIDE, part_ways);
}

#[test]
fn different_values_are_named_on_a_phone_in_the_light() {
    browse(Look::PHONE.light(), async |page, server| {
        open_at(page, server, "pbft-two-liars", 5.0).await;
        page.wait_for("return document.querySelector('[data-testid=differs-n3]') !== null").await;
        page.screenshot("phone-light-two-liars-ring").await;
        fits_sideways(page).await;
    });
}

#[test]
fn undo_brings_the_name_in_the_list_back() {
    browse(Look::WIDE, async |page, server| {
        open_at(page, server, "pbft-members", 0.5).await;
        page.choose("scenario", "hotstuff-members").await;
        page.wait_for("return document.querySelector('.lesson h3').textContent.startsWith('HotStuff')").await;
        page.click("undo").await;
        page.wait_for("return document.querySelector('.lesson h3').textContent.startsWith('PBFT')").await;
        page.wait_for("return document.querySelector('[data-testid=scenario]').value === 'pbft-members'").await;
    });
}

#[test]
fn whoever_comes_back_into_a_view_that_is_over_does_not_lead_it() {
    browse(Look::WIDE, async |page, server| {
        open_at(page, server, "pbft-silent-primary", 3.9).await;
        let crowns = "return document.querySelectorAll('[data-testid=mark-leader]').length";
        let before: usize = page.read(crowns).await;
        go_to(page, 4.05).await;
        assert_eq!(page.read::<usize>(crowns).await, before, "nobody is crowned by a restart");
        assert!(page.read::<bool>("return document.querySelector('[data-testid=mark-restart]') !== null").await);
        page.screenshot("wide-dark-voters-restart").await;
    });
}

#[test]
fn expectations_are_sentences() {
    browse(Look::WIDE, async |page, server| {
        open_at(page, server, "pbft-members", 5.0).await;
        let told = text(page, "[data-testid=checks]").await;
        assert!(told.contains("At 1900 ms: to n1, n2, n3, voters are n1, n2, n3, n4."), "{told}");
        assert!(!told.contains('{') && !told.contains('['), "{told}");
    });
}
