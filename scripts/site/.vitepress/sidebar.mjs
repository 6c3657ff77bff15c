// The sidebar is the list of docs/README.md: a group for each heading, an item for each link that begins an entry.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { addressOf, pageOf, targetOf, titleOf, top } from './pages.mjs'

const list = 'docs/README.md'

export const sidebar = () => readFileSync(join(top, list), 'utf8').split(/^## /m).slice(1).map((part) => ({
  text: part.slice(0, part.indexOf('\n')),
  items: [...part.matchAll(/^- \[([^\]]+)\]\(([^)#]+\.md)\)/gm)]
    .map(([, text, link]) => itemOf(text, targetOf(link, list))),
}))

function itemOf(text, file) {
  const item = { text: text[0].toUpperCase() + text.slice(1), link: addressOf(pageOf(file)) }
  return /^docs\/.+\/README\.md$/.test(file) ? { ...item, collapsed: true, items: besides(file) } : item
}

// besides are the other pages of a folder.
const besides = (first) => readdirSync(join(top, dirname(first)))
  .filter((name) => name.endsWith('.md') && name !== 'README.md')
  .map((name) => join(dirname(first), name))
  .map((file) => ({ text: titleOf(file), link: addressOf(pageOf(file)) }))
