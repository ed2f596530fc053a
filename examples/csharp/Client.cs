// Calls a calculator: client.exe [ADDRESS]
using System;
using System.Globalization;
using System.ServiceModel;

namespace Netshare.Examples
{
    public static class Client
    {
        public static void Main(string[] args)
        {
            CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
            var address = args.Length > 0 ? args[0] : "net.tcp://127.0.0.1:8809/calculator";
            var factory = new ChannelFactory<ICalculator>(
                new NetTcpBinding(SecurityMode.None), new EndpointAddress(address));
            var calculator = factory.CreateChannel();
            Console.WriteLine("1 + 2 = {0}", calculator.Add(1, 2));
            int remainder, quotient = calculator.DivideWhole(17, 5, out remainder);
            Console.WriteLine("17 = {0} * 5 + {1}", quotient, remainder);
            Console.WriteLine("sum: {0}", calculator.Sum(new[] { 1, 2.5, 4 }));
            try { calculator.Divide(1, 0); }
            catch (FaultException<MathProblem> e)
            {
                Console.WriteLine("refused: {0} ({1}: {2})", e.Message, e.Detail.Operation, e.Detail.Reason);
            }
            ((IClientChannel)calculator).Close();
            factory.Close();
        }
    }
}
