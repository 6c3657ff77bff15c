// The gate's own pages are no pages of Next.js, so they are reached by <a> and a plain form.
export default function SignedIn({ name }) {
  return (
    <>
      <p>Signed in as <bdi>{name}</bdi> · <a href="/account">Account</a></p>
      <form method="post" action="/logout"><button>Log out</button></form>
    </>
  );
}
