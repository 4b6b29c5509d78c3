import { render } from 'preact'
import { App } from './app.tsx'
import { language, setLanguage } from './i18n/text.ts'
import { connect } from './live.ts'
import { handleLinks } from './router.ts'
import { setTheme, theme } from './theme.ts'

setTheme(theme.value)
setLanguage(language.value)
handleLinks()
connect()
const root = document.querySelector('#app')
if (root !== null) render(<App />, root)
