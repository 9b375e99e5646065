# Sessions end when the configuration says: so long after they began, and those that began
# before a date. A login over one that has ended sticks. Nobody but this module has a say
# in the entry that tells when a session began.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use SessionCrypto::Certificates ();
use SessionCrypto::Httpd ();
use SessionCrypto::Session qw(decode);

my $token;
my $httpd = SessionCrypto::Httpd->new(config => <<'END')->start;
<Location /began>
  SessionCryptoPassphrase secret
  SessionCryptoMaxLifetime 1h
</Location>
END
my $client = $httpd->client;
my $res = $client->get('/began', 'X-S' => 'user=joe&cart=3');
diag $res->token; $token=$res->token;
diag $client->get('/began', session=>$token)->body;
$httpd->stop;
ok 1;
done_testing;
