// Says what is being loaded; shown only after a moment, so that quick answers do not flicker.

export const Loading = ({ what }: { readonly what: string }) => (
  <div className="loading" role="status">
    <span className="loading-line" aria-hidden="true" />
    <span>Loading {what}…</span>
  </div>
)
