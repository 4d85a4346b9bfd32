//! Does the page show native nodes behind the relay, and can it act on them?

use super::page::{Page, Seen};
use super::process::Server;
use super::story::{on_panel, other_leader, propose};
use super::{Look, browse, shape};

/// What stands in the leader's log, if all logs hold the same.
fn logs_agree(seen: &Seen) -> bool {
    let entries = |row: &Vec<String>| -> Vec<String> {
        row.iter().filter_map(|entry| entry.split_once(", ").map(|(_, rest)| rest.to_owned())).collect()
    };
    seen.log.windows(2).all(|pair| entries(&pair[0]) == entries(&pair[1]))
}

async fn attach(page: &Page, server: &Server) {
    let picture = |stage: &'static str| {
        let name = format!("{}-live-{stage}", page.look.name());
        async move { page.screenshot(&name).await }
    };
    page.open(&server.live).await;
    let attached = page.until("a leader", |seen| seen.leader().is_some()).await;
    assert_eq!(attached.nodes.len(), 3);
    let old = attached.leader().expect("it was just seen").clone();
    shape::fits(page).await;

    propose(page, "city", "Delft").await;
    page.until("the entry is committed on all", |seen| {
        seen.committed("city = Delft") == 3 && seen.operations.iter().any(|line| line.starts_with("ok"))
    })
    .await;
    picture("1-committed").await;

    page.click_node(&old.id).await;
    on_panel(page, async || page.click("crash").await).await;
    page.until("the kill", |seen| seen.node(&old.id).status == "crashed").await;
    picture("2-killed").await;
    let replaced = other_leader(page, &old.id).await;
    let new = replaced.leader().expect("it was just seen").clone();
    assert!(new.term > old.term, "{new:?} follows {old:?}");
    propose(page, "city", "Gent").await;
    page.until("the entry is committed on both", |seen| seen.committed("city = Gent") >= 2).await;
    picture("3-another-leader").await;

    on_panel(page, async || page.click("restart").await).await;
    let back = page.until("the old leader is back with the same log", |seen| {
        let node = seen.node(&old.id);
        node.status == "up" && node.role == "follower" && seen.committed("city = Gent") == 3 && logs_agree(seen)
    });
    let back = back.await;
    assert_eq!(back.node(&old.id).term, back.leader().expect("somebody leads").term);
    picture("4-rejoined").await;
}

#[test]
fn native_nodes_are_seen_asked_killed_and_restarted() {
    browse(Look::WIDE, attach);
}

#[test]
fn native_nodes_are_at_hand_on_a_phone_in_the_light() {
    browse(Look::PHONE.light(), attach);
}

#[test]
fn a_wrong_token_is_refused_in_one_line() {
    browse(Look::WIDE, async |page, server| {
        let (address, _) = server.live.split_once("&token=").expect("the printed address holds a token");
        page.visit(&format!("{address}&token=wrong")).await;
        let refused = page.until("the refusal", |seen| seen.notices.iter().any(|notice| notice.bad)).await;
        assert_eq!(refused.notices.len(), 1, "{:?}", refused.notices);
        assert!(refused.notices[0].text.contains("token"), "{:?}", refused.notices);
        page.wait_for("return document.querySelector('[data-testid=live]').textContent.includes('refused')").await;
        page.screenshot("wide-dark-live-refused").await;
    });
}

#[test]
fn a_cluster_that_ends_is_said_to_be_offline_and_offers_nothing() {
    browse(Look::WIDE, async |page, _| {
        let server = Server::start();
        page.open(&server.live).await;
        page.until("a leader", |seen| seen.leader().is_some()).await;
        page.press('1').await;
        page.wait_for("return document.querySelector('[data-testid=crash]') !== null").await;
        drop(server);
        page.wait_for("return document.querySelector('[data-testid=live]').textContent.includes('offline')").await;
        let controls = "return ['crash', 'pause-node', 'partition', 'propose-set']
            .filter(name => document.querySelector(`[data-testid=${name}]`) !== null)";
        assert_eq!(page.read::<Vec<String>>(controls).await, Vec::<String>::new());
        let link: String = page.read("return document.querySelector('[data-testid=simulations]').href").await;
        assert!(!link.contains('#'), "{link}");
        page.screenshot("wide-dark-live-offline").await;
    });
}
