# The shared object exports its module record and nothing else, because httpd loads all
# modules into one name space.

use strict;
use warnings;

use Test::More;

use SessionCrypto::Httpd ();

my $module = SessionCrypto::Httpd::module_path('ours');
my @symbols = map { (split)[-1] } qx(nm -D --defined-only '$module');
is($?, 0, 'nm reads the module') or diag('nm is in binutils');
is_deeply(\@symbols, ['session_crypto_module'], 'one symbol is exported');

done_testing;
