// The faces of the fonts that are shipped, and of what stands in for one while it is on its way.
//
// A page does not wait for its fonts: its text is drawn at once with a font of the machine, made as wide and as high as
// the one that comes, so that hardly anything moves when it is there; the next page has it from the start. PatternFly
// asks for `RedHatText` after `Red Hat Text` (and so for the display); that second name is the stand-in's here.

const ASCENT = 101.8; // of both fonts, in percent of the size (`hhea`)
const DESCENT = 30.5;
const WEIGHTS = ["300 549", "550 800"];

// Of each font of a machine: its regular and its bold face, and how many percent each is made wider or narrower: the
// mean advance of Red Hat's (at 400, for the display 500, and 700) by that face's, letters by how often English has them.
const STAND_INS = [
  { faces: [["DejaVu Sans"], ["DejaVu Sans Bold"]], RedHatText: [88.3, 86.1], RedHatDisplay: [88.6, 81.4] },
  {
    faces: [["Arial", "Liberation Sans"], ["Arial Bold", "Liberation Sans Bold"]],
    RedHatText: [101.3, 104],
    RedHatDisplay: [101.7, 98.4],
  }, // the last of those that are there is taken
];

// Returns the rules for a font that lies at `url`; `name` is PatternFly's: RedHatText, say.
export function fontFaces(name, url) {
  const family = name.replace(/([a-z])([A-Z])/g, "$1 $2");
  const own = `@font-face{font-family:"${family}";font-weight:300 800;font-display:swap;src:url("${url}") format("woff2")}`;
  return [own, ...STAND_INS.filter((one) => one[name]).flatMap((one) => WEIGHTS.map((_, at) => standIn(name, one, at)))].join("\n");
}

function standIn(name, one, at) {
  const percent = one[name][at];
  const upright = (value) => ((value / percent) * 100).toFixed(1);
  return (
    `@font-face{font-family:"${name}";font-weight:${WEIGHTS[at]};` +
    `src:${one.faces[at].map((face) => `local("${face}")`).join(",")};size-adjust:${percent}%;` +
    `ascent-override:${upright(ASCENT)}%;descent-override:${upright(DESCENT)}%;line-gap-override:0%}`
  );
}
