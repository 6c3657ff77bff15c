// The gate's pages are not pages of Next.js, so <a> and a plain form lead to them.
export default function SignedIn({ name }) {
  return (
    <>
      <p>Signed in as <bdi>{name}</bdi> · <a href="/account">Account</a></p>
      <form method="post" action="/logout"><button>Log out</button></form>
    </>
  );
}
