//! The document around every page.

use backend::identity::Caller;
use domain::{Locale, Timestamp};
use leptos::{config::LeptosOptions, nonce::use_nonce, prelude::*, tachys::html::InertElement};
use leptos_meta::{HashedStylesheet, MetaTags};

use super::App;

/// A move from page to page that the browser leaves out, because the tab is hidden or the next click came first, is no error
/// to report: the page changes all the same.
const SKIPPED: &str = "for(const e of['pageswap','pagereveal'])addEventListener(e,({viewTransition:t})=>{\
    for(const end of['updateCallbackDone','ready','finished'])t?.[end].catch(()=>{})})";

/// Pages fade into each other. Chromium takes a page whose style sheet is still on its way for one that does not want that, and reports
/// a fade that it calls off as an error: so the page itself says so, as the style sheet does for the pages without a head of this kind.
const FADES: &str = "@view-transition{navigation:auto}@media(prefers-reduced-motion:reduce){@view-transition{navigation:none}}";

/// A page that Back brings as it was left may be of somebody who has left, too (`live`). Where nothing on it would be refused them, nobody
/// would notice if they left from elsewhere, which this browser does not hear of: so of whom it is now is asked. A network that fails says
/// nothing of that.
const BROUGHT_BACK: &str = "addEventListener('pageshow',async({persisted})=>{if(!persisted)return;\
    const {dataset}=document.documentElement;dataset.broughtBack='';if(!dataset.user)return;\
    try{const answer=await fetch('/api/v1/me');\
    if(answer.status===401||answer.ok&&(await answer.json()).user?.id!==dataset.user){await self.formsSent;location.reload()}}catch{}})";

/// Where what brings a page to life does not come, or fails, nobody hears of it: the page then says what it says without scripts. What
/// is late says nothing of itself either, so it is also looked for after a while, when the page is there or its pictures keep it waiting.
///
/// What failed may as well be a stranger's, such as a wallet's that the browser puts into every page. So the line, which comes alive only
/// as it was sent, is not touched: another one comes after it and its words without scripts, until the line knows how the connection is.
const STILL: &str = "{const waits=line=>/none|connecting/.test(line.dataset.state);\
    const still=()=>{for(const line of document.querySelectorAll('.live-line[data-state]')){\
    const words=line.nextElementSibling;if(!waits(line)||!words||words.nextElementSibling)continue;\
    words.insertAdjacentHTML('afterend',words.textContent);const other=words.nextElementSibling;\
    other.dataset.state='offline';other.setAttribute('role','status');\
    new MutationObserver((_,watch)=>{if(!waits(line)){other.remove();watch.disconnect()}}).observe(line,{attributeFilter:['data-state']})}};\
    for(const e of['unhandledrejection','error'])addEventListener(e,still);\
    addEventListener('load',()=>setTimeout(still,8e3));setTimeout(still,12e3)}";

/// Before a form is alive the browser sends it, and its button shows nothing and can be pressed again, which would do it again; the
/// second press may also come from a form that has come alive meanwhile. So what is under way is sent once, until the next page is there
/// or does not come for so long that it has to be asked for again. Back finds a form that works.
///
/// What has come alive meanwhile would see what the form has done as done elsewhere, and to go anywhere would call the next page off. So
/// `formsSent` is kept until then, for it to wait (`tab::forms_sent`).
const ONCE: &str = "{const sent=new Map();let none;\
    addEventListener('submit',e=>{if(sent.has(e.target)){e.preventDefault();e.stopImmediatePropagation()}},true);\
    addEventListener('submit',e=>{const form=e.target,by=e.submitter;if(e.defaultPrevented||form.method!=='post')return;\
    by?.setAttribute('aria-busy','true');\
    const over=()=>{clearTimeout(late);sent.delete(form);by?.removeAttribute('aria-busy');if(!sent.size){self.formsSent=null;none()}},\
    late=setTimeout(over,1e4);sent.set(form,over);self.formsSent??=new Promise(next=>none=next)});\
    addEventListener('pageshow',({persisted})=>{if(persisted)for(const over of sent.values())over()})}";

/// What brings a page to life is asked for until it is there, its parts as well (`xtask/src/front/again.rs`): what fails is a network
/// between two cells, or a server that is started anew, and both are over soon. That, and a connection that breaks in the middle, comes
/// to one of the two errors. What an answer says is not there belongs to another version, and stays away.
const UNTIL_THERE: &str = "async function untilThere(ask){\
    const get=async url=>{const answer=await fetch(url);if(answer.ok)return answer;\
    throw new(answer.status<500?Error:TypeError)(`${url}: ${answer.status}`)};\
    for(let pause=1e3;;pause=Math.min(2*pause,1e4)){\
    try{return await ask(get)}catch(e){if(!(e instanceof TypeError||e instanceof DOMException))throw e}\
    await new Promise(next=>{const go=()=>{clearTimeout(timer);removeEventListener('online',go);next()},\
    timer=setTimeout(go,pause);addEventListener('online',go)})}}";

/// The whole document, with the page in its body.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let locale = use_context::<Locale>().unwrap_or_default();
    // What the browser keeps says later on how old it is, as long as it has heard nothing.
    let made = use_context::<Timestamp>().map(|now| now.as_millis().to_string());
    let user = use_context::<Caller>().and_then(|caller| caller.user()).map(|user| user.to_string());
    view! {
        <!DOCTYPE html>
        <html lang=locale.tag() data-made=made data-user=user>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover"/>
                <meta name="theme-color" media="(prefers-color-scheme: light)" content="#f8f5ef"/>
                <meta name="theme-color" media="(prefers-color-scheme: dark)" content="#16120e"/>
                <style nonce=use_nonce()>{FADES}</style>
                <link rel="preload" href="/fonts/figtree.woff2" r#as="font" r#type="font/woff2" crossorigin="anonymous"/>
                <link rel="preload" href="/fonts/bricolage.woff2" r#as="font" r#type="font/woff2" crossorigin="anonymous"/>
                <HashedStylesheet options=options.clone()/>
                <link rel="icon" href="/favicon.svg" r#type="image/svg+xml"/>
                <link rel="apple-touch-icon" href="/apple-touch-icon.png"/>
                <link rel="manifest" href="/manifest.webmanifest"/>
                <script nonce=use_nonce()>{SKIPPED}</script>
                <script nonce=use_nonce()>{BROUGHT_BACK}</script>
                <script nonce=use_nonce()>{STILL}</script>
                <script nonce=use_nonce()>{ONCE}</script>
                <script nonce=use_nonce()>{UNTIL_THERE}</script>
                {life(options)}
                <MetaTags/>
            </head>
            <body>
                <App/>
            </body>
        </html>
    }
}

/// When the browser's part is fetched and begins: after the page's own words and pictures, which it would take the line and the
/// processor from; after four seconds in any case, for a picture may never come. Forms and links work before.
///
/// And each island is a task of its own: what a finger does meanwhile is answered between two of them, and not after all.
///
/// The scripts come whole before the browser is told to run them: some remember for as long as the page is there that a script did not
/// come, and ask for it no more. By then they are in its cache, each once and under its one name, for the scripts name each other; and so
/// that the hint is not what is remembered, it fetches no more than the file.
const AFTER_THE_PAGE: [(&str, &str); 5] = [
    (
        "import(`${root}/${pkg_path}/${output_name}.js`)",
        "untilThere(async get=>{const file=name=>`${root}/${pkg_path}/${name}.js`;\
         await Promise.all([output_name,output_name.replace(/^[^.]*/,'__wasm_split')].map(async name=>(await get(file(name))).arrayBuffer()));\
         return import(file(output_name))})",
    ),
    (
        "mod.default({module_or_path: `${root}/${pkg_path}/${wasm_output_name}.wasm`})",
        "untilThere(get=>mod.default({module_or_path:get(`${root}/${pkg_path}/${wasm_output_name}.wasm`)}))",
    ),
    (
        "function idle(c) {",
        "function idle(come) {let c=()=>{c=()=>{};come()};if(document.readyState!=='complete'){const go=()=>'requestIdleCallback'in window?requestIdleCallback(()=>c()):c();addEventListener('load',go);setTimeout(go,4e3);return}",
    ),
    (
        "const res = islandFn(el);",
        "await new Promise(next=>{const {port1,port2}=new MessageChannel();port1.onmessage=next;port2.postMessage(0)});const res=islandFn(el);",
    ),
    ("<link rel=\"modulepreload\"", "<link fetchpriority=\"low\" as=\"fetch\" rel=\"preload\""),
];

/// What brings the page to life. Leptos writes the nonce where the mode of a request belongs, and a hint whose mode is not the
/// request's brings the module twice.
fn life(options: LeptosOptions) -> InertElement {
    let html = view! { <HydrationScripts options islands=true/> }.to_html();
    let html = match use_nonce() {
        Some(nonce) => html.replace(&format!("crossorigin=\"{nonce}\""), "crossorigin=\"anonymous\""),
        None => html,
    };
    let html = AFTER_THE_PAGE.iter().fold(html, |html, (leptos, ours)| html.replace(leptos, ours));
    InertElement::new(without_hint(&html))
}

/// Without the hint that would fetch the module at once. The one for the script has other words by now.
fn without_hint(html: &str) -> String {
    let Some((before, rest)) = html.split_once("<link rel=\"preload\"") else { return html.to_owned() };
    format!("{before}{}", rest.split_once('>').map_or("", |(_, after)| after))
}

#[cfg(test)]
mod tests {
    use leptos::prelude::*;

    use super::*;

    #[test]
    fn the_page_comes_before_what_brings_it_to_life() {
        let owner = Owner::new();
        let html = owner.with(|| life(LeptosOptions::builder().output_name("orderly").build()).to_html());
        for (leptos, ours) in AFTER_THE_PAGE {
            assert!(html.contains(ours) && !html.contains(leptos), "another version of Leptos? {html}");
        }
        // By the ones that ask again.
        for asked in ["mod.default(", "import("] {
            assert_eq!(html.matches(asked).count(), 1, "{html}");
        }
        assert!(html.contains("mod.hydrate()") && html.contains(".js\"") && !html.contains(".wasm\""), "{html}");
    }
}
