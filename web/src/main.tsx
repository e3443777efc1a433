// Starts the console in the page.

// Styles of parts come before those of the pages, which may change them.
import "./style/tokens.css"
import "./style/base.css"
import "./style/controls.css"
import "./style/forms.css"
import "./style/notes.css"
import "./style/panel.css"
import "./style/tables.css"
import { QueryClient, QueryClientProvider } from "@tanstack/react-query"
import { StrictMode } from "react"
import { createRoot } from "react-dom/client"
import { ApiFailure } from "./api/client.ts"
import { App } from "./app/App.tsx"
import { applyTheme } from "./app/theme.ts"

applyTheme()

/** A question that was wrong stays wrong; anything else may pass. */
const retry = (failures: number, error: Error): boolean =>
  failures < 2 && !(error instanceof ApiFailure && error.status >= 400 && error.status < 500)

const client = new QueryClient({
  defaultOptions: { queries: { retry, retryDelay: 1_000, staleTime: 1_000, refetchOnWindowFocus: true } },
})

const root = document.getElementById("root")
if (root === null) throw new Error("the page has no #root")

createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <App />
    </QueryClientProvider>
  </StrictMode>,
)
