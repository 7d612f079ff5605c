#include "report.hpp"

namespace moqrtc::conformance {
namespace {

constexpr std::string_view page_start = R"page(<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>moq-transport conformance</title>
<style>
:root{--bg:#f7f7f5;--card:#fff;--ink:#1d2126;--dim:#68717c;--line:#e3e4e1;--pass:#1a8a4f;
--fail:#c9302c;--undecided:#b7791f;--elsewhere:#8b95a1;--code:#f1f2ef;--accent:#2b5fc7}
@media (prefers-color-scheme:dark){:root{--bg:#14171b;--card:#1c2026;--ink:#e6e8eb;--dim:#98a2ae;
--line:#2c323a;--pass:#4cc38a;--fail:#ff6b66;--undecided:#e5b454;--elsewhere:#7c8794;
--code:#12151a;--accent:#7fa8ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1180px;margin:0 auto;padding:28px 20px 80px}
h1{font-size:26px;letter-spacing:-.02em;margin:0 0 2px}
.sub{color:var(--dim);margin:0 0 22px;overflow-wrap:anywhere}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px}
.tile{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:14px 16px;
cursor:pointer;text-align:left;color:inherit;font:inherit}
.tile b{display:block;font-size:30px;line-height:1.1;letter-spacing:-.02em}
.tile span{color:var(--dim)}
.tile[aria-pressed=false]{opacity:.4}
.tile:focus-visible,input:focus-visible,summary:focus-visible{outline:2px solid var(--accent);
outline-offset:2px}
.bar{display:flex;height:8px;border-radius:4px;overflow:hidden;background:var(--line);margin:16px 0}
.bar i{display:block}
.tools{display:flex;gap:10px;flex-wrap:wrap;position:sticky;top:0;background:var(--bg);
padding:12px 0;z-index:2}
input,select{font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);
border-radius:9px;padding:9px 12px}
input{flex:1;min-width:220px}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;margin:14px 0;
overflow:hidden}
section>h2{display:flex;gap:12px;align-items:center;font-size:15px;margin:0;padding:11px 16px;
border-bottom:1px solid var(--line)}
section>h2 .bar{flex:1;margin:0;max-width:260px;margin-left:auto}
section>h2 small{color:var(--dim);font-weight:400}
details{border-bottom:1px solid var(--line)}
details:last-child{border:0}
summary{display:grid;grid-template-columns:96px 128px 1fr;gap:12px;padding:9px 16px;cursor:pointer;
list-style:none;align-items:baseline}
summary::-webkit-details-marker{display:none}
summary:hover{background:color-mix(in srgb,var(--accent) 6%,transparent)}
.v{font-weight:600;font-size:13px}
.id{font:13px ui-monospace,SFMono-Regular,Menlo,monospace;color:var(--dim)}
.why{color:var(--dim);font-size:13.5px}
.more{padding:4px 16px 16px}
.more p{margin:4px 0;color:var(--dim)}
table{border-collapse:collapse;width:100%;font-size:13px;margin-top:8px;display:block;
overflow-x:auto}
td{padding:3px 8px;vertical-align:top;border-top:1px solid var(--line)}
td:nth-child(1){color:var(--dim);text-align:right;white-space:nowrap}
td:nth-child(2),td:nth-child(3){white-space:nowrap}
td:nth-child(4){width:100%}
.hex{font:12px/1.45 ui-monospace,SFMono-Regular,Menlo,monospace;color:var(--dim);
overflow-wrap:anywhere;background:var(--code);border-radius:6px;padding:2px 6px;display:block;
margin-top:2px}
.sent{color:var(--accent)}.received{color:var(--pass)}.note{color:var(--dim);font-style:italic}
.none{color:var(--dim);padding:30px;text-align:center}
@media (max-width:640px){summary{grid-template-columns:80px 1fr}summary>:nth-child(3){
grid-column:1/-1}}
</style></head><body><main>
<h1>moq-transport conformance</h1><p class="sub" id="sub"></p>
<div class="tiles" id="tiles"></div><div class="bar" id="bar"></div>
<div class="tools"><input id="q" type="search" placeholder="Filter by identifier, section, words"
 aria-label="Filter"><select id="kind" aria-label="Kind"><option value="">every kind</option>
<option value="C">codec</option><option value="S">session</option><option value="D">data</option>
<option value="R">relay</option><option value="T">transport</option><option value="X">sender
</option><option value="A">application</option></select></div><div id="rows"></div></main>
<script type="application/json" id="data">)page";

constexpr std::string_view page_end = R"page(</script><script>
"use strict";
const data=JSON.parse(document.getElementById("data").textContent);
const kinds=["fail","undecided","pass","elsewhere"];
const label={pass:"pass",fail:"fail",undecided:"undecided",elsewhere:"for other peers"};
const shown=new Set(kinds);
const make=(tag,cls,text)=>{const e=document.createElement(tag);if(cls)e.className=cls;
if(text!==undefined)e.textContent=text;return e};
const bar=(into,rows)=>{into.textContent="";for(const k of ["pass","fail","undecided","elsewhere"]){
const n=rows.filter(r=>r.verdict===k).length;if(!n)continue;const i=make("i");
i.style.width=100*n/rows.length+"%";i.style.background=`var(--${k})`;i.title=`${n} ${label[k]}`;
into.append(i)}};
document.getElementById("sub").textContent=`draft ${data.draft} · ${data.peer} · ${data.target} · `+
`${data.transport} · ${data.when} · ${data.seconds} s · ${data.program}`;
document.title=`draft ${data.draft}: ${data.totals.pass} pass, ${data.totals.fail} fail`;
const tiles=document.getElementById("tiles");
for(const k of kinds){const t=make("button","tile");t.type="button";t.ariaPressed="true";
const b=make("b","",data.totals[k]);b.style.color=`var(--${k})`;t.append(b,make("span","",label[k]));
t.onclick=()=>{shown.has(k)?shown.delete(k):shown.add(k);t.ariaPressed=String(shown.has(k));draw()};
tiles.append(t)}
bar(document.getElementById("bar"),data.rows);
const details=r=>{const d=make("div","more");
d.append(make("p","",`Section ${r.section} · required: ${r.reaction} · ${r.ms} ms`));
if(!r.trace.length){d.append(make("p","","nothing was sent for this row"));return d}
const t=make("table");for(const e of r.trace){const tr=make("tr");
tr.append(make("td","",e.ms+" ms"),make("td","","#"+e.connection),
make("td",e.what,{sent:"→ sent",received:"← came",note:"note"}[e.what]));
const c=make("td",e.what==="note"?"note":"",e.text);
if(e.hex)c.append(make("span","hex",e.hex.replace(/../g,"$& ").trim()+
(e.bytes>e.hex.length/2?` … ${e.bytes} bytes`:"")));
tr.append(c);t.append(tr)}
d.append(t);if(r.left_out)d.append(make("p","",`${r.left_out} more entries were left out`));return d};
const top_of=s=>(s.match(/^(\d+)/)||[,s])[1];
function draw(){const q=document.getElementById("q").value.toLowerCase().split(/\s+/).filter(Boolean);
const kind=document.getElementById("kind").value;const into=document.getElementById("rows");
into.textContent="";const groups=new Map;
for(const r of data.rows){if(!shown.has(r.verdict)||(kind&&r.kind!==kind))continue;
const text=(r.id+" "+r.section+" "+r.condition+" "+r.reason+" "+r.reaction).toLowerCase();
if(!q.every(w=>text.includes(w)))continue;const g=top_of(r.section);
if(!groups.has(g))groups.set(g,[]);groups.get(g).push(r)}
for(const [g,rows] of [...groups].sort((a,b)=>a[0]-b[0])){const s=make("section");
const h=make("h2","","Section "+g);h.append(make("small","",`${rows.length} rows`));
const b=make("div","bar");bar(b,rows);h.append(b);s.append(h);
for(const r of rows){const d=make("details");const m=make("summary");
const v=make("span","v",label[r.verdict]);v.style.color=`var(--${r.verdict})`;
const c=make("span","",r.condition);c.append(make("div","why",r.reason));
m.append(v,make("span","id",r.id),c);d.append(m);
d.ontoggle=()=>{if(d.open&&d.children.length===1)d.append(details(r))};s.append(d)}
into.append(s)}
if(!groups.size)into.append(make("p","none","No row fits."))}
document.getElementById("q").oninput=draw;document.getElementById("kind").onchange=draw;draw();
</script></body></html>
)page";

} // namespace

std::string to_html(const suite& s, const run_info& info) {
    // json_text escapes `<`, so that nothing in a trace ends the script.
    return std::string{page_start} + to_json(s, info) + std::string{page_end};
}

} // namespace moqrtc::conformance
