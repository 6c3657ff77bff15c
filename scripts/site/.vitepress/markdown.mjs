// What is to be done to the markdown of the repository so that it is right on the site.
import { basename, relative } from 'node:path'
import { siteLink, targetOf, titleOf, top } from './pages.mjs'

// slug names a heading in links as GitHub does.
export const slug = (heading) => heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-')

// named gives a link whose words are the name of a page's file, as [rules.md](rules.md), the title of the page.
function named(words, link, file) {
  const path = link.replace(/#.*/, '')
  if (/^[^:]*\.md$/.test(path) && words.content === basename(path)) {
    words.content = titleOf(targetOf(path, file)) ?? words.content
  }
}

export const ofTheSite = (files) => (md) => {
  md.core.ruler.push('links_of_the_site', ({ tokens, env }) => {
    const file = relative(top, env.realPath ?? env.path)
    const all = tokens.flatMap((t) => [t, ...(t.children ?? [])])
    for (const [index, token] of all.entries()) {
      if (token.type === 'link_open') {
        const link = token.attrGet('href')
        token.attrSet('href', siteLink(link, file, files))
        named(all[index + 1], link, file)
      } else if (token.type === 'code_inline') {
        token.attrSet('v-pre', '')
      } else if (token.type.startsWith('html_')) { // a picture: what Vite takes for one begins with a dot
        token.content = token.content.replace(/\b(src|srcset)="(?![./]|[a-z]+:)/g, '$1="./')
      }
    }
  })
  // An indented block looks as a fenced one does.
  md.renderer.rules.code_block = (tokens, index, options, env, self) => {
    tokens[index].info = 'txt'
    tokens[index].content = tokens[index].content.replace(/\n?$/, '\n')
    return md.renderer.rules.fence(tokens, index, options, env, self)
  }
}
