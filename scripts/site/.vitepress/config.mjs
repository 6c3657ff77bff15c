// The site of docs/: `make site` writes it to dist-site. SITE_BASE=/gatepost/ is for a site below a path.
import { cpSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { defineConfig } from 'vitepress'
import { ofTheSite, slug } from './markdown.mjs'
import { pageOf, repository, top } from './pages.mjs'
import { sidebar } from './sidebar.mjs'

const base = process.env.SITE_BASE || '/'
const mark = 'loginui/static/icon.svg'
const files = new Set(['screenshots/login.png', 'screenshots/login-dark.png']) // of docs/, that the site needs

// ourVue finds, for pages that have no node_modules above them, the library that they are made into.
const ourVue = {
  name: 'vue-of-the-site',
  enforce: 'pre',
  resolveId(id, importer) {
    return /^vue(\/|$)/.test(id) && importer?.endsWith('.md') ? this.resolve(id, import.meta.filename) : null
  },
}

export default defineConfig({
  title: 'Gatepost',
  description: 'Sign-up, login and sessions for the web app that you already have.',
  base,
  srcDir: top,
  srcExclude: readdirSync(top).filter((name) => name !== 'docs' && !pageOf(name))
    .flatMap((name) => [name, name + '/**']),
  ignoreDeadLinks: 'localhostLinks', // every other one ends the build
  outDir: join(top, 'dist-site'),
  cacheDir: 'node_modules/.vitepress',
  rewrites: pageOf,
  cleanUrls: false, // any file server can serve it
  head: [['link', { rel: 'icon', type: 'image/svg+xml', href: base + 'icon.svg' }]],
  markdown: {
    anchor: { slugify: slug },
    config: ofTheSite(files),
    languageAlias: { env: 'dotenv', sudoers: 'txt' },
  },
  themeConfig: {
    logo: { src: '/icon.svg', alt: '' },
    nav: [],
    sidebar: sidebar(),
    outline: [2, 3],
    search: { provider: 'local' },
    socialLinks: [{ icon: 'github', link: repository, ariaLabel: 'Source' }],
    editLink: { pattern: repository + '/blob/main/:path', text: 'Source of this page' },
  },
  vite: { plugins: [ourVue] },
  transformPageData: ({ relativePath, frontmatter }) => {
    if (relativePath === 'index.md') Object.assign(frontmatter, home())
  },
  buildEnd({ outDir }) {
    cpSync(join(top, mark), join(outDir, 'icon.svg'))
    for (const file of files) {
      mkdirSync(dirname(join(outDir, file)), { recursive: true })
      cpSync(join(top, 'docs', file), join(outDir, file))
    }
  },
})

// home is the head of the first page. Its words are those of the README.
function home() {
  const line = readFileSync(join(top, 'README.md'), 'utf8').match(/<\/h1>\s*<p[^>]*>\s*([^<]+?)\s*<\/p>/)[1]
  const [text, ...rest] = line.split(/(?<=\.) /)
  return {
    layout: 'home',
    hero: {
      name: 'Gatepost', text: text.replace(/\.$/, ''), tagline: rest.join(' '),
      image: { light: '/screenshots/login.png', dark: '/screenshots/login-dark.png', alt: 'The login page' },
      actions: [
        { theme: 'brand', text: 'First steps', link: '/start' },
        { theme: 'alt', text: 'Security on one page', link: '/security-summary' },
      ],
    },
  }
}
