// The mark: a sounding line under the waves.

export const Logo = () => (
  <svg
    className="logo-mark"
    viewBox="0 0 24 24"
    width="22"
    height="22"
    fill="none"
    stroke="currentColor"
    strokeWidth="1.9"
    strokeLinecap="round"
    strokeLinejoin="round"
    aria-hidden="true"
  >
    <path d="M3 6.5c1.5-1.6 3-1.6 4.5 0s3 1.6 4.5 0 3-1.6 4.5 0 3 1.6 4.5 0" />
    <path d="M12 9.5v5" strokeDasharray="1.3 2.4" />
    <path d="M12 14.2l2.9 5a3.3 3.3 0 0 1-5.8 0z" fill="currentColor" stroke="none" />
  </svg>
)
