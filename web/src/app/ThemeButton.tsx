// Switches between light and dark.

import { Icon } from "../parts/Icon.tsx"
import { chooseTheme, useTheme } from "./theme.ts"

export const ThemeButton = () => {
  const theme = useTheme()
  const next = theme === "dark" ? "light" : "dark"
  return (
    <button
      type="button"
      className="icon-button"
      title={`Switch to ${next}`}
      aria-label={`Switch to ${next} colours`}
      onClick={() => chooseTheme(next)}
    >
      <Icon name={theme === "dark" ? "sun" : "moon"} />
    </button>
  )
}
