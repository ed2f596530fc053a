// Serves a calculator until its input ends: service.exe [ADDRESS]
using System;
using System.Linq;
using System.ServiceModel;

namespace Netshare.Examples
{
    public class Calculator : ICalculator
    {
        public double Add(double a, double b) { return a + b; }
        public double Divide(double a, double b)
        {
            if (b == 0)
                throw new FaultException<MathProblem>(
                    new MathProblem { Operation = "Divide", Reason = "b is 0" }, new FaultReason("cannot divide by 0"));
            return a / b;
        }
        public int DivideWhole(int a, int b, out int remainder) { remainder = a % b; return a / b; }
        public double Sum(double[] values) { return values.Sum(); }
    }

    public static class Service
    {
        public static void Main(string[] args)
        {
            var address = args.Length > 0 ? args[0] : "net.tcp://127.0.0.1:8809/calculator";
            var host = new ServiceHost(typeof(Calculator));
            host.AddServiceEndpoint(typeof(ICalculator), new NetTcpBinding(SecurityMode.None), address);
            host.Open();
            Console.WriteLine("serving {0}", address);
            Console.In.ReadToEnd();
            Environment.Exit(0);
        }
    }
}
