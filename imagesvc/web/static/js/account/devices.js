/** Browsers and systems in words. */

/** What their user agents contain; the first that fits is right. */
const BROWSERS = [["Edg/", "Edge"], ["OPR/", "Opera"], ["Firefox/", "Firefox"], ["FxiOS/", "Firefox"], ["CriOS/", "Chrome"], ["Chrome/", "Chrome"], ["Safari/", "Safari"]];
const SYSTEMS = [["Android", "Android"], ["iPhone", "iPhone"], ["iPad", "iPad"], ["Windows", "Windows"], ["CrOS", "ChromeOS"], ["Mac OS X", "macOS"], ["Linux", "Linux"]];

/** A short name of a browser; another program has the name that it sent. @param {string} userAgent */
export function deviceName(userAgent) {
  const nameIn = (table) => table.find(([part]) => userAgent.includes(part))?.[1];
  const browser = nameIn(BROWSERS);
  if (!browser) return userAgent.slice(0, 60);
  return [browser, nameIn(SYSTEMS)].filter(Boolean).join(" · ");
}
